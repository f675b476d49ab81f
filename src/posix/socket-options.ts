/** Socket options: by level and number on Linux, as numbers and as structures. */
import { systemError } from "./errors.ts";
import { errno, libc } from "./library.ts";
import { AF_INET6, encodeAddress, interfaceIndex } from "./sockaddr.ts";

const SOL_SOCKET = 1;
const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;

const SO_LINGER = 13;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;

/** Options whose value is an integer; 0 and 1 for no and yes. */
export type OptionName =
  | "reuseAddress"
  | "error"
  | "broadcast"
  | "sendBufferBytes"
  | "receiveBufferBytes"
  | "keepAlive"
  | "reusePort"
  | "noDelay"
  | "ipv6Only";

const OPTIONS: Readonly<Record<OptionName, readonly [level: number, option: number]>> = {
  reuseAddress: [SOL_SOCKET, 2],
  error: [SOL_SOCKET, 4],
  broadcast: [SOL_SOCKET, 6],
  sendBufferBytes: [SOL_SOCKET, 7],
  receiveBufferBytes: [SOL_SOCKET, 8],
  keepAlive: [SOL_SOCKET, 9],
  reusePort: [SOL_SOCKET, 15],
  noDelay: [IPPROTO_TCP, 1],
  ipv6Only: [IPPROTO_IPV6, 26],
};

const integer = new Int32Array(1);
const integerLength = new Int32Array(1);

/** @throws SystemError */
export function setOption(fd: number, option: OptionName, value: number): void {
  const [level, number] = OPTIONS[option];
  integer[0] = value;
  set(fd, level, number, integer, option);
}

/** @throws SystemError */
export function getOption(fd: number, option: OptionName): number {
  const [level, number] = OPTIONS[option];
  integerLength[0] = 4;
  if (libc().getsockopt(fd, level, number, integer, integerLength) === -1) {
    throw systemError(errno(), "getsockopt", option);
  }
  return integer[0] as number;
}

/** The error that the system keeps for a socket, such as how a connection went; 0 for none. Reading it clears it. */
export function takeError(fd: number): number {
  return getOption(fd, "error");
}

/** Lets `close` break the connection off, with a reset, and drop what was not sent. */
export function setResetOnClose(fd: number): void {
  set(fd, SOL_SOCKET, SO_LINGER, Int32Array.of(1, 0), "linger");
}

/** How long blocking calls wait; 0 for ever. @throws SystemError */
export function setTimeouts(fd: number, timeoutMs: number): void {
  const time = new BigInt64Array(2);
  time[0] = BigInt(Math.floor(timeoutMs / 1_000));
  // Less than the smallest unit would be for ever.
  time[1] = BigInt(Math.ceil((timeoutMs % 1_000) * 1_000));
  const bytes = new Uint8Array(time.buffer);
  set(fd, SOL_SOCKET, SO_RCVTIMEO, bytes, "receive timeout");
  set(fd, SOL_SOCKET, SO_SNDTIMEO, bytes, "send timeout");
}

/** Joins or leaves a multicast group. @throws SystemError, TypeError if an address is none. */
export function setMembership(fd: number, isMember: boolean, group: string, interfaceAddress?: string): void {
  const name = `${isMember ? "join" : "leave"} ${group}`;
  if (group.includes(":")) {
    const request = new Uint8Array(20);
    request.set(encodeAddress({ host: group, port: 0 }).subarray(8, 24));
    const index = interfaceAddress === undefined ? 0 : interfaceIndex(interfaceAddress);
    new Uint32Array(request.buffer, 16, 1)[0] = index;
    set(fd, IPPROTO_IPV6, isMember ? 20 : 21, request, name);
  } else {
    const request = new Uint8Array(8);
    request.set(ipv4Bytes(group));
    request.set(ipv4Bytes(interfaceAddress ?? "0.0.0.0"), 4);
    set(fd, IPPROTO_IP, isMember ? 35 : 36, request, name);
  }
}

/** Of all groups of this machine, Linux would deliver to a socket at a wildcard address: only its own, as elsewhere. */
export function hearOwnGroupsOnly(fd: number, family: number): void {
  const [level, option] = family === AF_INET6 ? [IPPROTO_IPV6, 29] : [IPPROTO_IP, 49];
  set(fd, level, option, Int32Array.of(0), "multicast of other groups");
}

export interface MulticastOptions {
  readonly ttl?: number;
  readonly loopback?: boolean;
  readonly interfaceAddress?: string;
}

/** @throws SystemError, TypeError if an address is none. */
export function setMulticast(fd: number, family: number, options: MulticastOptions): void {
  const { ttl, loopback, interfaceAddress } = options;
  const isIPv6 = family === AF_INET6;
  const level = isIPv6 ? IPPROTO_IPV6 : IPPROTO_IP;
  if (ttl !== undefined) set(fd, level, isIPv6 ? 18 : 33, Int32Array.of(ttl), `multicast ttl ${ttl}`);
  if (loopback !== undefined) {
    set(fd, level, isIPv6 ? 19 : 34, Int32Array.of(loopback ? 1 : 0), "multicast loopback");
  }
  if (interfaceAddress !== undefined) {
    const value = isIPv6 ? Int32Array.of(interfaceIndex(interfaceAddress)) : ipv4Bytes(interfaceAddress);
    set(fd, level, isIPv6 ? 17 : 32, value, `multicast interface ${interfaceAddress}`);
  }
}

function ipv4Bytes(address: string): Uint8Array {
  return encodeAddress({ host: address, port: 0 }).slice(4, 8);
}

function set(fd: number, level: number, option: number, value: Uint8Array | Int32Array, name: string): void {
  if (libc().setsockopt(fd, level, option, value, value.byteLength) === -1) {
    throw systemError(errno(), "setsockopt", name);
  }
}
