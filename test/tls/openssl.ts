/** OpenSSL's own programs as peers. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { folder } from "./identities.ts";

const PROGRAM = "openssl";

/** For tests that cannot run without it. */
export const skip: string | false =
  spawnSync(PROGRAM, ["version"]).status === 0 ? false : "openssl is not installed (apt-get install openssl)";

/** A program under way, with what it has written. */
export class Openssl {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exited: Promise<number | null>;
  output = "";
  readonly #waiting = new Set<() => void>();

  constructor(...args: string[]) {
    this.child = spawn(PROGRAM, args, { cwd: folder });
    const heard = (bytes: Buffer): void => {
      this.output += bytes;
      for (const look of this.#waiting) look();
    };
    this.child.stdout.on("data", heard);
    this.child.stderr.on("data", heard);
    this.child.stdin.on("error", () => {});
    this.exited = new Promise((resolve) => {
      this.child.on("close", (code) => {
        resolve(code);
        for (const look of this.#waiting) look();
      });
    });
  }

  /** Settles once it has written that; fails if it ends before. */
  heard(what: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (what.test(this.output)) resolve();
        else if (this.child.exitCode !== null) reject(new Error(`openssl ended without ${what}: ${this.output}`));
        else return;
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** As if typed. A line that is one letter is a command: K updates the keys, Q ends it. */
  type(text: string): void {
    this.child.stdin.write(text);
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }
}

/** A port that was free a moment ago, for programs that cannot choose one. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
