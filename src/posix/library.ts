/**
 * The functions of the C library that this library calls.
 *
 * A size (`size_t`) is a `bigint`: 64 bits are what the callee reads. Byte counts come back as 32 bits: no call moves more than 2 GiB.
 */
import { defineAll, foreign, type Prototype, returning } from "./binding.ts";

type Bytes = Uint8Array | Int32Array | null;

/** Each returns -1 for a failure, and `errno` says which. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, pair: Int32Array): number;
  bind(fd: number, address: Bytes, length: number): number;
  connect(fd: number, address: Bytes, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: Bytes, length: Bytes, flags: number): number;
  recv(fd: number, into: Bytes, length: bigint, flags: number): number;
  recvfrom(fd: number, into: Bytes, length: bigint, flags: number, address: Bytes, addressLength: Bytes): number;
  send(fd: number, bytes: Bytes, length: bigint, flags: number): number;
  sendto(fd: number, bytes: Bytes, length: bigint, flags: number, address: Bytes, addressLength: number): number;
  shutdown(fd: number, how: number): number;
  getsockname(fd: number, address: Bytes, length: Bytes): number;
  getpeername(fd: number, address: Bytes, length: Bytes): number;
  setsockopt(fd: number, level: number, option: number, value: Bytes, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: Bytes, length: Bytes): number;
  ioctl(fd: number, request: bigint, value: Int32Array): number;
  close(fd: number): number;
  poll(descriptors: Bytes, count: bigint, timeoutMs: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Bytes): number;
  epoll_wait(epoll: number, events: Bytes, maxEvents: number, timeoutMs: number): number;
  clock_gettime(clock: number, time: Bytes): number;
  if_nametoindex(name: Bytes): number;
}

const prototypes: Record<keyof Libc, Prototype> = {
  socket: returning("i32", "i32", "i32", "i32"),
  socketpair: returning("i32", "i32", "i32", "i32", "pointer"),
  bind: returning("i32", "i32", "pointer", "u32"),
  connect: returning("i32", "i32", "pointer", "u32"),
  listen: returning("i32", "i32", "i32"),
  accept4: returning("i32", "i32", "pointer", "pointer", "i32"),
  recv: returning("i32", "i32", "pointer", "u64", "i32"),
  recvfrom: returning("i32", "i32", "pointer", "u64", "i32", "pointer", "pointer"),
  send: returning("i32", "i32", "pointer", "u64", "i32"),
  sendto: returning("i32", "i32", "pointer", "u64", "i32", "pointer", "u32"),
  shutdown: returning("i32", "i32", "i32"),
  getsockname: returning("i32", "i32", "pointer", "pointer"),
  getpeername: returning("i32", "i32", "pointer", "pointer"),
  setsockopt: returning("i32", "i32", "i32", "i32", "pointer", "u32"),
  getsockopt: returning("i32", "i32", "i32", "i32", "pointer", "pointer"),
  ioctl: returning("i32", "i32", "u64", "pointer"),
  close: returning("i32", "i32"),
  poll: returning("i32", "pointer", "u64", "i32"),
  epoll_create1: returning("i32", "i32"),
  epoll_ctl: returning("i32", "i32", "i32", "i32", "pointer"),
  epoll_wait: returning("i32", "i32", "pointer", "i32", "i32"),
  clock_gettime: returning("i32", "i32", "pointer"),
  if_nametoindex: returning("u32", "pointer"),
};

let functions: Libc | undefined;

/** The C library. @throws UnsupportedError where it cannot be called. */
export function libc(): Libc {
  functions ??= defineAll<Libc>(prototypes);
  return functions;
}

/** The number of the error of the call that failed just now. */
export function errno(): number {
  return foreign().errno();
}
