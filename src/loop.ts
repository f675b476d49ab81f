/** The event loop in asyncio's terms: callbacks, transports and protocols. */
import "./loops/default.ts";
import "./loops/sockets.ts";

export type { DatagramOptions, DatagramProtocol, DatagramTransport } from "./kernel/datagrams.ts";
export type { Protocol, Transport, WriteBufferLimits } from "./kernel/network.ts";
