/** What callers hand to sockets, checked: the message names the value and says what was expected. */
import type { Address } from "../kernel/addresses.ts";
import { describe } from "../kernel/check-function.ts";
import { AF_INET6, AF_UNIX } from "../posix/sockaddr.ts";

/** What `setOption` and `getOption` know: yes or no, or a size in bytes. */
export type SocketOptionName =
  | "reuseAddress"
  | "reusePort"
  | "broadcast"
  | "keepAlive"
  | "noDelay"
  | "ipv6Only"
  | "sendBufferBytes"
  | "receiveBufferBytes";

export const DEFAULT_RECV_BYTES: number = 64 * 1024;
const LARGEST_RECV_BYTES = 2 ** 30;

/** For most calls: a new one each time would cost more than the call. */
const sharedBuffer = new Uint8Array(DEFAULT_RECV_BYTES);

export function nameOf<K extends string>(table: Readonly<Record<K, number>>, value: number): K {
  return (Object.keys(table) as K[]).find((key) => table[key] === value) as K;
}

export function chosen<K extends string>(table: Readonly<Record<K, number>>, key: K, what: string): number {
  if (Object.hasOwn(table, key)) return table[key];
  throw new TypeError(`expected as ${what} one of ${Object.keys(table).join(", ")}, got ${String(key)}`);
}

const OPTION_NAMES: ReadonlySet<string> = new Set<SocketOptionName>([
  "reuseAddress",
  "reusePort",
  "broadcast",
  "keepAlive",
  "noDelay",
  "ipv6Only",
  "sendBufferBytes",
  "receiveBufferBytes",
]);

export function checkedOption(name: SocketOptionName): SocketOptionName {
  if (OPTION_NAMES.has(name)) return name;
  throw new TypeError(`expected as option one of ${[...OPTION_NAMES].join(", ")}, got ${String(name)}`);
}

export function checkedValue(name: SocketOptionName, value: boolean | number): number {
  if (typeof value === "boolean" || (Number.isInteger(value) && value >= 0 && value < 2 ** 31)) return Number(value);
  throw new TypeError(`option ${name}: expected true, false or a whole number of at least 0, got ${String(value)}`);
}

export function numeric(address: Address, family: number): Address {
  const isAddress = typeof address === "object" && address !== null;
  const isUnix = isAddress && "path" in address;
  if (!isAddress || isUnix !== (family === AF_UNIX)) {
    const wanted = family === AF_UNIX ? "{ path }" : "{ host, port }";
    throw new TypeError(`expected ${wanted} as address of this socket, got ${describe(address)}`);
  }
  if (isUnix) return address;
  if (address.host !== undefined && typeof address.host !== "string") {
    throw new TypeError(`expected a host, a numeric address or "localhost", got ${describe(address.host)}`);
  }
  if (address.host !== "localhost") return address;
  return { host: family === AF_INET6 ? "::1" : "127.0.0.1", port: address.port };
}

/** Room to receive into; what is received is to be copied out before the next call. */
export function bufferOf(maxBytes: number, doing: string): Uint8Array {
  if (!(Number.isInteger(maxBytes) && maxBytes >= 1 && maxBytes <= LARGEST_RECV_BYTES)) {
    throw new RangeError(`${doing}: expected maxBytes from 1 to ${LARGEST_RECV_BYTES}, got ${describe(maxBytes)}`);
  }
  return maxBytes <= sharedBuffer.length ? sharedBuffer : new Uint8Array(maxBytes);
}

export function checkBytes(bytes: Uint8Array, doing: string): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${doing}: expected a Uint8Array, got ${typeof bytes}`);
}
