/**
 * What this process holds of the system: handles that keep it alive (sockets, servers, child processes, watchers) and, on Linux, open files.
 *
 * Handles are told apart by identity. Sockets that an agent keeps for later are not referenced and do not count; nor do descriptors of
 * sockets, pipes and devices, whose handles say more.
 */
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import type { Leak } from "./leak.ts";

const DESCRIPTORS = "/proc/self/fd";

/** Node has no public way to look at the handles themselves; their names alone are public. */
interface Handles {
  _getActiveHandles?(): object[];
}

export class OpenResources {
  readonly #handles = new Set(handles());
  readonly #files = files();

  leaks(): Leak[] {
    const leaks: Leak[] = [];
    for (const handle of handles()) {
      if (!this.#handles.has(handle))
        leaks.push({ kind: "resource", what: describe(handle), where: undefined, value: handle });
    }
    for (const [descriptor, path] of files()) {
      if (this.#files.get(descriptor) === path) continue;
      leaks.push({
        kind: "resource",
        what: `file ${path}, descriptor ${descriptor}`,
        where: undefined,
        value: descriptor,
      });
    }
    return leaks;
  }
}

function handles(): object[] {
  return (process as Handles)._getActiveHandles?.() ?? [];
}

function files(): Map<number, string> {
  const found = new Map<number, string>();
  if (!existsSync(DESCRIPTORS)) return found;
  for (const descriptor of readdirSync(DESCRIPTORS)) {
    const path = targetOf(descriptor);
    if (path !== undefined && /^\/(?!dev\/|proc\/|sys\/)/.test(path)) found.set(Number(descriptor), path);
  }
  return found;
}

/** The descriptor of the listing itself is gone by now. */
function targetOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(`${DESCRIPTORS}/${descriptor}`);
  } catch {
    return undefined;
  }
}

interface Details {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly spawnfile?: string;
  readonly pid?: number;
  address?(): unknown;
}

function describe(handle: object): string {
  const { remoteAddress, remotePort, spawnfile, pid } = handle as Details;
  const name = handle.constructor.name;
  if (spawnfile !== undefined) return `${name} ${spawnfile}, pid ${pid}`;
  if (remoteAddress !== undefined) return `${name}, connected to ${remoteAddress} port ${remotePort}`;
  const address = listeningAddress(handle as Details);
  return address === undefined ? name : `${name}, listening on ${address}`;
}

function listeningAddress(handle: Details): string | undefined {
  if (!("listening" in handle)) return undefined;
  const address = handle.address?.();
  if (typeof address === "string") return address;
  if (typeof address !== "object" || address === null || !("port" in address && "address" in address)) return undefined;
  return `${address.address} port ${address.port}`;
}
