/**
 * Sockets as the system has them: blocking by default, nonblocking when told so, errors as typed errors.
 *
 * A blocking call that a signal interrupts goes on. A blocking call with a timeout fails as `TimedOutError`, a nonblocking one that would
 * have to wait as `WouldBlockError`; the system calls both EAGAIN.
 */
import { type Address, formatAddress } from "../kernel/addresses.ts";
import { checkOptions, describe } from "../kernel/check-function.ts";
import { ClosedError, InvalidStateError } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { monotonicMs } from "../posix/clock.ts";
import { EAGAIN, EINPROGRESS, EINTR, ETIMEDOUT, systemError } from "../posix/errors.ts";
import { AF_INET, AF_INET6, AF_UNIX, encodeAddress } from "../posix/sockaddr.ts";
import { getOption, setOption, setResetOnClose, setTimeouts, takeError } from "../posix/socket-options.ts";
import {
  accept,
  beginConnect,
  bindSocket,
  closeDescriptor,
  filledAddress,
  listenOn,
  localAddressOf,
  openPair,
  openSocket,
  receive,
  receiveFrom,
  remoteAddressOf,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
  send,
  sendTo,
  setBlocking,
  shutdown,
  waitUntilWritable,
} from "../posix/sockets.ts";
import {
  bufferOf,
  checkBytes,
  checkedOption,
  checkedValue,
  chosen,
  DEFAULT_RECV_BYTES,
  nameOf,
  numeric,
  type SocketOptionName,
} from "./socket-arguments.ts";

/** Which addresses a socket has. */
export type SocketFamily = "ipv4" | "ipv6" | "unix";
/** What a socket carries: a stream of bytes, or single messages. */
export type SocketType = "stream" | "datagram";

/** Which kind of socket to open. */
export interface SocketOptions {
  /** By default `"ipv4"`. */
  readonly family?: SocketFamily;
  /** By default `"stream"`: TCP, or a Unix stream. */
  readonly type?: SocketType;
}

const FAMILIES: Readonly<Record<SocketFamily, number>> = { ipv4: AF_INET, ipv6: AF_INET6, unix: AF_UNIX };
const TYPES: Readonly<Record<SocketType, number>> = { stream: SOCK_STREAM, datagram: SOCK_DGRAM };
const DIRECTIONS = { read: SHUT_RD, write: SHUT_WR, both: SHUT_RDWR } as const;

const DEFAULT_BACKLOG = 128;
/** 0 would be for ever. */
const SHORTEST_TIMEOUT_MS = 0.001;
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * A socket of the system: TCP, UDP or Unix.
 *
 * For teaching, tests and synchronous programs. It is blocking at first: a call that must wait blocks the whole thread, with every task,
 * timer and promise in it, and signals are handled afterwards. Not for servers: those use `coppice/net`. Hosts are numeric addresses
 * or `"localhost"`. Linux on x64 and arm64, with Node 26 or the package koffi.
 *
 * Every failure is a `SystemError` of the class that fits; after `close`, a `ClosedError`.
 *
 * @example
 * ```ts
 * using listener = new Socket();
 * listener.bind({ host: "127.0.0.1", port: 8000 });
 * listener.listen();
 * using peer = listener.accept();
 * for (let bytes = peer.recv(); bytes !== undefined; bytes = peer.recv()) peer.sendAll(bytes);
 * ```
 */
export class Socket implements Disposable {
  readonly #family: number;
  readonly #type: number;
  readonly #closing = new Set<() => void>();
  #fd: number;
  #isBlocking = true;
  #timeoutMs = 0;

  constructor(options: SocketOptions = {}) {
    checkOptions("Socket", options);
    const { family = "ipv4", type = "stream" } = options;
    this.#family = chosen(FAMILIES, family, "family");
    this.#type = chosen(TYPES, type, "type");
    const adopted = adopting;
    adopting = undefined;
    this.#fd = adopted ?? openSocket({ family: this.#family, type: this.#type, isBlocking: true });
  }

  /** Its descriptor; -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  get isClosed(): boolean {
    return this.#fd === -1;
  }

  get isBlocking(): boolean {
    return this.#isBlocking;
  }

  get localAddress(): Address {
    return localAddressOf(this.#open("ask for the address of"));
  }

  /** @throws SystemError (`ENOTCONN`) if it is not connected. */
  get remoteAddress(): Address {
    return remoteAddressOf(this.#open("ask for the peer of"));
  }

  /** Whether calls that must wait do so. */
  setBlocking(isBlocking: boolean): void {
    setBlocking(this.#open("setBlocking on"), isBlocking);
    this.#isBlocking = isBlocking;
  }

  /** How long each blocking call waits before it fails as `TimedOutError`; `Infinity`, the default, for ever. */
  setTimeout(timeoutMs: number): void {
    if (!(typeof timeoutMs === "number" && timeoutMs > 0)) {
      throw new RangeError(`setTimeout: expected a time in ms above 0, got ${describe(timeoutMs)}`);
    }
    this.#timeoutMs = timeoutMs === Infinity ? 0 : Math.min(timeoutMs, LONGEST_TIMEOUT_MS);
    setTimeouts(this.#open("setTimeout on"), this.#timeoutMs);
  }

  setOption(name: SocketOptionName, value: boolean | number): void {
    const fd = this.#open("setOption on");
    setOption(fd, checkedOption(name), checkedValue(name, value));
  }

  /** 0 and 1 stand for no and yes. */
  getOption(name: SocketOptionName): number {
    return getOption(this.#open("getOption of"), checkedOption(name));
  }

  /** Port 0 lets the system choose; `localAddress` then tells. */
  bind(address: Address): void {
    bindSocket(this.#open("bind"), numeric(address, this.#family), this.#family);
  }

  /** `backlog` is how many connections the system holds before they are accepted. */
  listen(backlog: number = DEFAULT_BACKLOG): void {
    if (!(Number.isInteger(backlog) && backlog >= 0)) {
      throw new RangeError(`listen: expected a backlog of at least 0, got ${describe(backlog)}`);
    }
    listenOn(this.#open("listen on"), backlog);
  }

  /** The next connection, as a blocking socket whatever this one is. */
  accept(): Socket {
    const accepted = this.#retry("accept", (fd) => accept(fd, true));
    return adopt(accepted, this.#family, this.#type);
  }

  /**
   * Connects; a datagram socket only takes its peer. A nonblocking socket throws `WouldBlockError` (`EINPROGRESS`) while the connection is
   * under way: once it is writable, `finishConnect` tells how it went.
   */
  connect(address: Address): void {
    const fd = this.#open("connect");
    const target = numeric(address, this.#family);
    const end = this.#end();
    const result = beginConnect(fd, target, this.#family);
    if (result >= 0) return;
    const hasBegun = result === -EINPROGRESS || result === -EINTR;
    if (!hasBegun || !this.#isBlocking) throw systemError(-result, "connect", formatAddress(target));
    // Interrupted, or out of its own time; it goes on by itself, and is waited for.
    const hasTimedOut = result === -EINPROGRESS || !waitUntilWritable(fd, end);
    if (hasTimedOut) throw systemError(ETIMEDOUT, "connect", formatAddress(target));
    this.finishConnect();
  }

  /** Once a connecting socket is writable: returns if it is connected, throws why not otherwise. */
  finishConnect(): void {
    const failure = takeError(this.#open("finishConnect on"));
    if (failure !== 0) throw systemError(failure, "connect");
    // Asked too early, it is told as such.
    if (this.#type === SOCK_STREAM) remoteAddressOf(this.#fd);
  }

  /** At most `maxBytes`, as soon as there are any; `undefined` at the end of a stream. A datagram is cut to `maxBytes`. */
  recv(maxBytes: number = DEFAULT_RECV_BYTES): Uint8Array | undefined {
    const buffer = bufferOf(maxBytes, "recv");
    const count = this.#retry("recv", (fd) => receive(fd, buffer, BigInt(maxBytes)));
    if (count === 0 && this.#type === SOCK_STREAM) return undefined;
    return buffer.slice(0, count);
  }

  /** One datagram, cut to `maxBytes`, and who sent it. */
  recvFrom(maxBytes: number = DEFAULT_RECV_BYTES): { readonly bytes: Uint8Array; readonly from: Address } {
    const buffer = bufferOf(maxBytes, "recvFrom");
    const count = this.#retry("recvfrom", (fd) => receiveFrom(fd, buffer, BigInt(maxBytes)));
    return { from: filledAddress(), bytes: buffer.slice(0, Math.min(count, maxBytes)) };
  }

  /** Sends what the system takes now, and says how many bytes that is. */
  send(bytes: Uint8Array): number {
    checkBytes(bytes, "send");
    return this.#retry("send", (fd) => send(fd, bytes));
  }

  /**
   * Sends all of `bytes`.
   *
   * @throws InvalidStateError on a nonblocking socket, which takes a part: use `send`, and go on when it is writable.
   */
  sendAll(bytes: Uint8Array): void {
    checkBytes(bytes, "sendAll");
    if (!this.#isBlocking) {
      throw new InvalidStateError("sendAll on a nonblocking socket: use send(), and go on when it is writable");
    }
    for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(this.send(rest));
  }

  /** Sends one datagram, whole. */
  sendTo(bytes: Uint8Array, address: Address): void {
    checkBytes(bytes, "sendTo");
    const to = encodeAddress(numeric(address, this.#family), this.#family);
    this.#retry("sendto", (fd) => sendTo(fd, bytes, to));
  }

  /** Ends a direction: by default, tells the peer that no more will come. */
  shutdown(direction: "read" | "write" | "both" = "write"): void {
    const how = chosen(DIRECTIONS, direction, "direction");
    this.#retry("shutdown", (fd) => shutdown(fd, how));
  }

  /** Closes it; the system sends what was taken. Selectors that watch it let go of it. Idempotent. */
  close(): void {
    if (this.#fd === -1) return;
    const callbacks = [...this.#closing];
    this.#closing.clear();
    for (const callback of callbacks) callback();
    const fd = this.#fd;
    this.#fd = -1;
    closeDescriptor(fd);
  }

  /** Closes it with a reset: the peer hears of a broken connection, and what was not sent is dropped. */
  abort(): void {
    if (this.#fd === -1) return;
    if (this.#family !== AF_UNIX) setResetOnClose(this.#fd);
    this.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Has `callback` called before it is closed. The result takes that back. */
  onClose(callback: () => void): () => void {
    this.#closing.add(callback);
    return () => this.#closing.delete(callback);
  }

  #open(doing: string): number {
    if (this.#fd === -1) throw new ClosedError(`${doing} a socket that was closed`);
    return this.#fd;
  }

  /** When a call that begins now has waited for long enough. */
  #end(): number {
    return this.#timeoutMs === 0 ? Infinity : monotonicMs() + this.#timeoutMs;
  }

  /** Makes a call, and goes on with what is left of its time when a signal interrupts it. */
  #retry(syscall: string, call: (fd: number) => number): number {
    const fd = this.#open(syscall);
    const end = this.#end();
    let result = call(fd);
    if (result === -EINTR) {
      do {
        if (end !== Infinity) setTimeouts(fd, Math.max(end - monotonicMs(), SHORTEST_TIMEOUT_MS));
        result = call(fd);
      } while (result === -EINTR);
      setTimeouts(fd, this.#timeoutMs);
    }
    if (result >= 0) return result;
    if (result === -EAGAIN && this.#isBlocking) throw systemError(ETIMEDOUT, syscall, `within ${this.#timeoutMs} ms`);
    throw systemError(-result, syscall);
  }

  static {
    printsAs(Socket, ({ fd, isClosed, isBlocking }) => (isClosed ? { isClosed } : { fd, isBlocking }));
  }
}

/** Two connected Unix sockets, blocking. */
export function socketPair(type: SocketType = "stream"): [Socket, Socket] {
  const number = chosen(TYPES, type, "type");
  const [a, b] = openPair(number, true);
  return [adopt(a, AF_UNIX, number), adopt(b, AF_UNIX, number)];
}

/** The descriptor of the socket that is being made, if it is open already. */
let adopting: number | undefined;

function adopt(fd: number, family: number, type: number): Socket {
  adopting = fd;
  return new Socket({ family: nameOf(FAMILIES, family), type: nameOf(TYPES, type) });
}
