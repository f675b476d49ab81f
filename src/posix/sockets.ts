/**
 * The socket calls, on descriptors.
 *
 * Those that a program makes all the time (`receive`, `send`, `accept` and kin) answer with a count, or with the negated number of the
 * error, and allocate nothing but the number; those that it makes once throw. All sockets are closed on exec, and none raises SIGPIPE.
 */
import { monotonicMs } from "./clock.ts";
import { EAGAIN, EALREADY, EINPROGRESS, EINTR, EISCONN, systemError } from "./errors.ts";
import { errno, libc } from "./library.ts";
import { AF_UNIX, type AnyAddress, decodeAddress, encodeAddress, SOCKADDR_BYTES } from "./sockaddr.ts";

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const MSG_TRUNC = 0x20;
const FIONBIO = 0x5421n;

const POLLOUT = 4;

// One of each is enough: the calls are synchronous, and what they fill in is read before the next.
const addressBytes = new Uint8Array(SOCKADDR_BYTES);
const addressLength = new Int32Array(1);
const pair = new Int32Array(2);
const pollBytes = new Uint8Array(8);
const pollView = new DataView(pollBytes.buffer);
const flag = new Int32Array(1);

export interface SocketKind {
  readonly family: number;
  readonly type: number;
  readonly isBlocking: boolean;
}

/** @throws SystemError */
export function openSocket({ family, type, isBlocking }: SocketKind): number {
  return checked(libc().socket(family, type | SOCK_CLOEXEC | (isBlocking ? 0 : SOCK_NONBLOCK), 0), "socket");
}

/** Two connected Unix sockets. @throws SystemError */
export function openPair(type: number, isBlocking: boolean): [number, number] {
  const flags = type | SOCK_CLOEXEC | (isBlocking ? 0 : SOCK_NONBLOCK);
  checked(libc().socketpair(AF_UNIX, flags, 0, pair), "socketpair");
  return [pair[0] as number, pair[1] as number];
}

/** @throws SystemError, and what `encodeAddress` throws. */
export function bindSocket(fd: number, address: AnyAddress, family?: number): void {
  const bytes = encodeAddress(address, family);
  checked(libc().bind(fd, bytes, bytes.length), "bind", address);
}

/** Answers 0, or the negated error (`EINPROGRESS` where it does not block). Throws what `encodeAddress` throws. */
export function beginConnect(fd: number, address: AnyAddress, family?: number): number {
  const bytes = encodeAddress(address, family);
  const result = counted(libc().connect(fd, bytes, bytes.length));
  if (result !== -EAGAIN || "path" in address) return result;
  // Hardly what the call said: what the engine does between the call and the look at `errno` may write there, too. The call is asked again.
  const again = counted(libc().connect(fd, bytes, bytes.length));
  if (again === -EISCONN) return 0;
  return again === -EALREADY ? -EINPROGRESS : again;
}

/** @throws SystemError */
export function listenOn(fd: number, backlog: number): void {
  checked(libc().listen(fd, backlog), "listen");
}

/** A connection's descriptor, or the negated error. `filledAddress` tells its peer until the next call of this module. */
export function accept(fd: number, isBlocking: boolean): number {
  addressLength[0] = SOCKADDR_BYTES;
  return counted(libc().accept4(fd, addressBytes, addressLength, SOCK_CLOEXEC | (isBlocking ? 0 : SOCK_NONBLOCK)));
}

/** The address that the last `accept` or `receiveFrom` filled in. */
export function filledAddress(): AnyAddress {
  return decodeAddress(addressBytes, addressLength[0] as number);
}

/** How many bytes came (0: end of file), or the negated error. `size` is that of `into`. */
export function receive(fd: number, into: Uint8Array, size: bigint): number {
  return counted(libc().recv(fd, into, size, 0));
}

/** How many bytes the system took, or the negated error. */
export function send(fd: number, bytes: Uint8Array): number {
  return counted(libc().send(fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL));
}

/** As `receive`; the sender is the `filledAddress`. With `MSG_TRUNC`, the length of a datagram, though it was cut to fit. */
export function receiveFrom(fd: number, into: Uint8Array, size: bigint): number {
  addressLength[0] = SOCKADDR_BYTES;
  return counted(libc().recvfrom(fd, into, size, MSG_TRUNC, addressBytes, addressLength));
}

/** As `send`. `to` is an encoded address. */
export function sendTo(fd: number, bytes: Uint8Array, to: Uint8Array): number {
  return counted(libc().sendto(fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL, to, to.length));
}

export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

/** Answers 0 or the negated error. */
export function shutdown(fd: number, how: number): number {
  return counted(libc().shutdown(fd, how));
}

/** @throws SystemError */
export function localAddressOf(fd: number): AnyAddress {
  addressLength[0] = SOCKADDR_BYTES;
  checked(libc().getsockname(fd, addressBytes, addressLength), "getsockname");
  return filledAddress();
}

/** @throws SystemError (`ENOTCONN`) */
export function remoteAddressOf(fd: number): AnyAddress {
  addressLength[0] = SOCKADDR_BYTES;
  checked(libc().getpeername(fd, addressBytes, addressLength), "getpeername");
  return filledAddress();
}

/** The peer's address; `undefined` if it is not connected. */
export function peerOf(fd: number): AnyAddress | undefined {
  addressLength[0] = SOCKADDR_BYTES;
  return libc().getpeername(fd, addressBytes, addressLength) === -1 ? undefined : filledAddress();
}

/** @throws SystemError */
export function setBlocking(fd: number, isBlocking: boolean): void {
  flag[0] = isBlocking ? 0 : 1;
  checked(libc().ioctl(fd, FIONBIO, flag), "ioctl");
}

/** Waits, and the whole thread with it, until `fd` is writable. Says whether it is before the time `end` (`Infinity`: for ever). */
export function waitUntilWritable(fd: number, end: number): boolean {
  for (;;) {
    pollView.setInt32(0, fd, true);
    pollView.setInt16(4, POLLOUT, true);
    pollView.setInt16(6, 0, true);
    const waitMs = end === Infinity ? -1 : Math.ceil(Math.max(end - monotonicMs(), 0));
    const count = counted(libc().poll(pollBytes, 1n, waitMs));
    if (count >= 0) return count > 0;
    if (count !== -EINTR) throw systemError(-count, "poll");
  }
}

/** Answers 0 or the negated error. The number is free to be used again, whatever the answer. */
export function closeDescriptor(fd: number): number {
  return counted(libc().close(fd));
}

function counted(result: number): number {
  return result === -1 ? -errno() : result;
}

function checked(result: number, syscall: string, address?: AnyAddress): number {
  if (result !== -1) return result;
  throw systemError(errno(), syscall, address === undefined ? "" : describeAddress(address));
}

/** As people write it. */
export function describeAddress(address: AnyAddress): string {
  if ("path" in address) return address.path;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
