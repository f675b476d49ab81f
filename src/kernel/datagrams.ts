/**
 * The network port for datagrams, at the level of callbacks. After asyncio's: `connectionMade` once, then datagrams and
 * errors in any order, then `connectionLost` once. Boundaries are kept, and an empty datagram is a datagram.
 */
import type { SocketAddress } from "./addresses.ts";

/** Where a datagram endpoint receives, and whom it talks to. */
export interface DatagramOptions {
  /** Where it receives; without it the system chooses a port. */
  readonly local?: SocketAddress;
  /** The one peer that it sends to and hears from; without it, anybody. */
  readonly remote?: SocketAddress;
  /** The family of an endpoint without addresses, and for names that have both; by default 4. */
  readonly family?: 4 | 6;
  /** Lets several sockets have one address (multicast needs that). */
  readonly reuseAddress?: boolean;
  readonly reusePort?: boolean;
  /** May send to broadcast addresses. */
  readonly broadcast?: boolean;
}

/** The callback-level end of a datagram endpoint. */
export interface DatagramTransport {
  readonly localAddress: SocketAddress;
  /** The peer of a connected endpoint. */
  readonly remoteAddress: SocketAddress | undefined;
  /** Bytes that the system has not taken yet. */
  readonly bufferedBytes: number;
  /** Hands over one datagram, to `to` or to the peer. What goes wrong comes as `errorReceived`. Ignored once it is closing. */
  sendTo(bytes: Uint8Array, to?: SocketAddress): void;
  /** Joins a multicast group, on the interface with this address (by default, the system's choice). Throws the system's error. */
  joinGroup(group: string, interfaceAddress?: string): void;
  leaveGroup(group: string, interfaceAddress?: string): void;
  /** How many routers a multicast datagram may pass (1: it stays in this network), and whether this machine's members of the group get it, too. */
  setMulticast(options: {
    readonly ttl?: number;
    readonly loopback?: boolean;
    readonly interfaceAddress?: string;
  }): void;
  pauseReading(): void;
  resumeReading(): void;
  /** Flushes, then closes. */
  close(): void;
  /** Closes at once and drops what was not sent. */
  abort(): void;
}

/** The callback-level user of a datagram endpoint. */
export interface DatagramProtocol {
  connectionMade(transport: DatagramTransport): void;
  /** The bytes belong to the protocol. */
  datagramReceived(bytes: Uint8Array, from: SocketAddress): void;
  /** A datagram could not be sent (`EMSGSIZE`), or the peer's machine says that it was not wanted (`ECONNREFUSED`). The endpoint goes on. */
  errorReceived(error: Error): void;
  connectionLost(error: Error | undefined): void;
  /** More is waiting to be sent than the high mark, 64 KiB, allows. */
  pauseWriting(): void;
  /** All was sent. */
  resumeWriting(): void;
}
