/**
 * The name of a listening Unix socket, which goes with its listener, if it is still its own.
 *
 * Who starts a program anew may remove the name of the old one, and the new one then takes it. When the old one ends, whatever has the name by
 * then must keep it. They are told apart by their inodes: that of a socket lives as long as the socket, so its number is given to no other.
 */
import { lstatSync, renameSync, unlinkSync } from "node:fs";
import type { Address } from "../kernel/addresses.ts";

export class SocketName {
  readonly #path: string;
  readonly #own: string | undefined;

  /** That of a socket which has just begun to listen; `undefined` where there is no name in the file system. */
  static of(address: Address): SocketName | undefined {
    return "path" in address && !address.path.startsWith("\0") ? new SocketName(address.path) : undefined;
  }

  private constructor(path: string) {
    this.#path = path;
    this.#own = inodeAt(path);
  }

  remove(): void {
    if (inodeAt(this.#path) === this.#own) attempt(() => unlinkSync(this.#path));
  }

  /** Runs `close`, which removes whatever has the name, as libuv's does; what is not the listener's own has it again afterwards. */
  keepFrom(close: () => void): void {
    const found = inodeAt(this.#path);
    const aside = `${this.#path}.${process.pid}`;
    const isAside = found !== undefined && found !== this.#own && attempt(() => renameSync(this.#path, aside));
    close();
    if (isAside) attempt(() => renameSync(aside, this.#path));
  }
}

function inodeAt(path: string): string | undefined {
  try {
    const { dev, ino } = lstatSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

/** Whether it could be done: the name may be gone, or its folder another's. */
function attempt(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
