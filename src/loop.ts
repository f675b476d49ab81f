/** The event loop in asyncio's terms: callbacks, transports and protocols. */
import "./loops/default.ts";
import "./loops/processes.ts";
import "./loops/sockets.ts";

export { type Address, formatAddress, type SocketAddress, type UnixAddress } from "./kernel/addresses.ts";
export type { DatagramOptions, DatagramProtocol, DatagramTransport } from "./kernel/datagrams.ts";
export type { Protocol, Transport, WriteBufferLimits } from "./kernel/network.ts";
export type { ExitStatus, SignalName } from "./kernel/processes.ts";
export { NodeLoop } from "./loops/node/loop.ts";
export { SelectorLoop } from "./loops/selector/loop.ts";
export { VirtualLoop, type VirtualLoopOptions } from "./loops/virtual/loop.ts";
export type { AcceptingSocket, Descriptor, NonblockingSocket } from "./protocols/descriptors.ts";
export { EndpointProtocol, type EndpointTransport } from "./protocols/endpoint-protocol.ts";
export { currentEventLoop, EventLoop } from "./protocols/event-loop.ts";
export type { ExceptionContext, ExceptionHandler } from "./protocols/exceptions.ts";
export type { Executor } from "./protocols/executor.ts";
export type { Handle, TimerHandle } from "./protocols/handle.ts";
export type {
  CreateConnectionOptions,
  CreateServerOptions,
  CreateUnixServerOptions,
} from "./protocols/opening.ts";
export type { Server } from "./protocols/server.ts";
export type { StartTlsOptions } from "./protocols/start-tls.ts";
export { StreamProtocol, type StreamTransport } from "./protocols/stream-protocol.ts";
export type { Command, SubprocessOptions } from "./protocols/subprocess.ts";
export { SubprocessProtocol, type SubprocessTransport } from "./protocols/subprocess-protocol.ts";
export type { TlsTransport } from "./protocols/tls-transport.ts";
export { tlsContext } from "./tls/context.ts";
export type { TlsSession } from "./tls/engine.ts";
export { TlsError } from "./tls/errors.ts";
