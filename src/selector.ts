/** Readiness selector and blocking sockets: for teaching, tests and synchronous programs. */
export { type Address, formatAddress, type SocketAddress, type UnixAddress } from "./kernel/addresses.ts";
export { ClosedError, InvalidStateError } from "./kernel/errors.ts";
export type { Timer } from "./kernel/ports.ts";
export {
  AddressInUseError,
  BrokenPipeError,
  ConnectionAbortedError,
  ConnectionRefusedError,
  ConnectionResetError,
  InterruptedError,
  SystemError,
  TimedOutError,
  TooManyFilesError,
  WouldBlockError,
} from "./posix/errors.ts";
export { UnsupportedError } from "./posix/unsupported.ts";
export type { Ready, ReadyList } from "./selector/ready-list.ts";
export { EVENT_READ, EVENT_WRITE, Selector } from "./selector/selector.ts";
export type { SelectorKey } from "./selector/selector-key.ts";
export {
  Socket,
  type SocketFamily,
  type SocketOptions,
  type SocketType,
  socketPair,
} from "./selector/socket.ts";
export type { SocketOptionName } from "./selector/socket-arguments.ts";
