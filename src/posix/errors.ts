/**
 * `errno` as errors: one class for all, subclasses where programs branch.
 *
 * `code` is the name of the number (`ECONNREFUSED`), as on the errors of Node. The message says which call failed, on what, why in
 * words, and where it helps what to do about it.
 */
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

/** A call of the operating system failed. */
export class SystemError extends Error {
  /** The name of the number: `ECONNREFUSED` and kin. */
  readonly code: string;
  readonly errno: number;
  /** The call: `connect` and kin. */
  readonly syscall: string;

  constructor(errno: number, syscall: string, on: string) {
    const code = nameOf(errno);
    super(`${syscall}${on === "" ? "" : ` ${on}`}: ${explain(code, errno)} (${code})`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }

  static {
    named(SystemError, "SystemError");
  }
}

/** A nonblocking call would have had to wait (EAGAIN), or a connection is under way (EINPROGRESS). */
export class WouldBlockError extends SystemError {
  static {
    named(WouldBlockError, "WouldBlockError");
  }
}

/** Nothing listens there (ECONNREFUSED). */
export class ConnectionRefusedError extends SystemError {
  static {
    named(ConnectionRefusedError, "ConnectionRefusedError");
  }
}

/** The peer broke the connection off (ECONNRESET). */
export class ConnectionResetError extends SystemError {
  static {
    named(ConnectionResetError, "ConnectionResetError");
  }
}

/** The connection was given up on this side (ECONNABORTED): the peer left before it was accepted. */
export class ConnectionAbortedError extends SystemError {
  static {
    named(ConnectionAbortedError, "ConnectionAbortedError");
  }
}

/** Sending on a connection that sends no more (EPIPE, ESHUTDOWN): the peer has closed, or this side was shut down. */
export class BrokenPipeError extends SystemError {
  static {
    named(BrokenPipeError, "BrokenPipeError");
  }
}

/** Another socket has the address (EADDRINUSE). */
export class AddressInUseError extends SystemError {
  static {
    named(AddressInUseError, "AddressInUseError");
  }
}

/** A signal came in the middle of the call (EINTR). The calls of this library go on by themselves. */
export class InterruptedError extends SystemError {
  static {
    named(InterruptedError, "InterruptedError");
  }
}

/** No answer in time (ETIMEDOUT): of the network's patience, or of a socket's own timeout. */
export class TimedOutError extends SystemError {
  static {
    named(TimedOutError, "TimedOutError");
  }
}

/** No descriptor is left: of this process (EMFILE) or of the system (ENFILE). */
export class TooManyFilesError extends SystemError {
  static {
    named(TooManyFilesError, "TooManyFilesError");
  }
}

const { errno: numbers } = constants;

/** Node does not name it. */
const ESHUTDOWN = 108;

export const EINTR: number = numbers.EINTR;
export const EAGAIN: number = numbers.EAGAIN;
export const EALREADY: number = numbers.EALREADY;
export const EINPROGRESS: number = numbers.EINPROGRESS;
export const EEXIST: number = numbers.EEXIST;
export const EISCONN: number = numbers.EISCONN;
export const ECONNREFUSED: number = numbers.ECONNREFUSED;
export const ETIMEDOUT: number = numbers.ETIMEDOUT;
export const ENAMETOOLONG: number = numbers.ENAMETOOLONG;
export const ECONNRESET: number = numbers.ECONNRESET;
export const ECONNABORTED: number = numbers.ECONNABORTED;

const classes: ReadonlyMap<number, typeof SystemError> = new Map([
  [numbers.EAGAIN, WouldBlockError],
  [numbers.EINPROGRESS, WouldBlockError],
  [numbers.EALREADY, WouldBlockError],
  [numbers.ECONNREFUSED, ConnectionRefusedError],
  [numbers.ECONNRESET, ConnectionResetError],
  [numbers.ECONNABORTED, ConnectionAbortedError],
  [numbers.EPIPE, BrokenPipeError],
  [ESHUTDOWN, BrokenPipeError],
  [numbers.EADDRINUSE, AddressInUseError],
  [numbers.EINTR, InterruptedError],
  [numbers.ETIMEDOUT, TimedOutError],
  [numbers.EMFILE, TooManyFilesError],
  [numbers.ENFILE, TooManyFilesError],
]);

const advice: Readonly<Record<string, string>> = {
  EAGAIN: "it would have to wait: ask the selector when it is ready",
  EINPROGRESS: "the connection is under way: once the socket is writable, finishConnect() says how it went",
  EALREADY: "a connection is under way already: once the socket is writable, finishConnect() says how it went",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the peer broke the connection off",
  ECONNABORTED: "the connection was given up",
  EPIPE: "nobody reads at the other end any more",
  ESHUTDOWN: "it was shut down",
  EADDRINUSE: "the address is in use: another socket listens there, or did a moment ago (option reuseAddress)",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "it is not allowed; ports below 1024 and some paths are the administrator's",
  ETIMEDOUT: "no answer in time",
  EMFILE: "this process has no file descriptor left: close some, or raise `ulimit -n`",
  ENFILE: "the system has no file descriptor left",
  EMSGSIZE: "the message is too large for one datagram",
  EBADF: "the descriptor is closed, or was never open",
  ENOTSOCK: "the descriptor is no socket",
  ENOTCONN: "it is not connected",
  EISCONN: "it is connected already",
  EPERM: "the descriptor cannot be waited on (a regular file is always ready), or the call is not allowed",
  ENAMETOOLONG: "the path of a Unix socket may have at most 107 bytes",
};

/** The error of the class that fits. `on` says what the call was about: an address, a descriptor. */
export function systemError(errno: number, syscall: string, on = ""): SystemError {
  return new (classes.get(errno) ?? SystemError)(errno, syscall, on);
}

function nameOf(errno: number): string {
  if (errno === ESHUTDOWN) return "ESHUTDOWN";
  // EAGAIN comes before EWOULDBLOCK, its other name.
  return Object.entries(numbers).find(([, number]) => number === errno)?.[0] ?? `E${errno}`;
}

function explain(code: string, errno: number): string {
  return advice[code] ?? getSystemErrorMap().get(-errno)?.[1] ?? "the system refuses it";
}

function named(errorClass: { prototype: object }, name: string): void {
  Object.defineProperty(errorClass.prototype, "name", { value: name, configurable: true });
}
