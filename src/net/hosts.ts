/** Hosts and ports as options give them. */
import { describe } from "../kernel/check-function.ts";

/** Where servers listen and clients connect if no host is given: this machine only. */
export const DEFAULT_HOST = "127.0.0.1";

/** The family of a host that is written as an address, or `undefined` for a name. (No name has a colon in it.) */
export function familyOf(host: string): 4 | 6 | undefined {
  if (host.includes(":")) return 6;
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(host) ? 4 : undefined;
}

/** What is wrong with `host`, which may be left out, or `undefined`. */
export function checkHost(where: string, host: unknown): TypeError | undefined {
  if (host === undefined || typeof host === "string") return undefined;
  return new TypeError(`${where}: expected a host, a name or an address, got ${describe(host)}`);
}

/** What is wrong with `port`, or `undefined`. */
export function checkPort(port: number): RangeError | undefined {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return undefined;
  return new RangeError(`expected a port from 0 to 65535, got ${describe(port)}`);
}
