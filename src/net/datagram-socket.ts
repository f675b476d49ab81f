/**
 * What a datagram socket is, for its users. `openUdp` opens one; `transport-datagram-socket.ts` makes it of the network port.
 */
import type { SocketAddress } from "../kernel/addresses.ts";
import type { Closable } from "../streams/byte-stream.ts";

/** One datagram, as it came. */
export interface Datagram {
  /** They belong to the receiver. None at all is a datagram, too. */
  readonly bytes: Uint8Array;
  readonly from: SocketAddress;
}

/** How multicast datagrams are sent. */
export interface MulticastOptions {
  /** How many routers a datagram may pass; 1, the system's default, keeps it in this network. */
  readonly ttl?: number;
  /** Whether members of the group on this machine get it, too; by default yes. */
  readonly loopback?: boolean;
  /** The address of the interface that it leaves by; by default the system's choice. */
  readonly interfaceAddress?: string;
}

/**
 * Sends and receives datagrams. Boundaries are kept; a datagram may be lost, doubled or overtaken. Any number of tasks may send and receive.
 *
 * What goes wrong with a datagram that was sent (nothing listens there, no way to that network) is known later. The next call throws it, as a
 * `DatagramError`, and the socket goes on: `send` or `receive` of a connected socket, `send` alone of one that is not, as a server that
 * receives from everybody has nothing to do with one peer's trouble. That nothing listens there, the system tells connected sockets only.
 */
export interface DatagramSocket extends AsyncIterable<Datagram>, Closable {
  readonly localAddress: SocketAddress;
  /** The peer of a connected socket. */
  readonly remoteAddress: SocketAddress | undefined;
  /** How many datagrams were dropped as nobody received them in time: `maxBufferedBytes` were waiting already. */
  readonly droppedCount: number;
  /**
   * Sends one datagram, to `to` (best an address: a name is looked up each time), or, on a connected socket, to its peer. The bytes must not be changed afterwards. Waits while too many are
   * waiting to leave. Always a checkpoint. Atomic under cancellation: it is sent or not.
   *
   * @throws DatagramTooLargeError if it is larger than a datagram can be.
   * @throws DatagramError if an error of an earlier datagram is known; this one was not sent.
   * @throws ClosedError if this side closed the socket.
   * @throws BrokenError if the endpoint was lost.
   * @throws TypeError if a connected socket is told where to send, or one that is not connected is not.
   */
  send(bytes: Uint8Array, to?: SocketAddress): Promise<void>;
  /**
   * Waits for the next datagram. Always a checkpoint; cancelled, nothing is lost. Iterating is the same, and ends when the socket is closed.
   *
   * @throws DatagramError if an error of an earlier datagram is known, on a connected socket.
   * @throws ClosedError if this side closed the socket.
   * @throws BrokenError if the endpoint was lost; what had arrived before is delivered first.
   */
  receive(): Promise<Datagram>;
  /**
   * Receives what is sent to a multicast group, on the interface with this address (by default, the system's choice).
   *
   * @throws DatagramError if the system refuses; its `cause` is the system's error.
   * @throws ClosedError if this side closed the socket.
   */
  joinGroup(group: string, interfaceAddress?: string): void;
  /** Receives that no more. Throws as `joinGroup` does. */
  leaveGroup(group: string, interfaceAddress?: string): void;
  /** Throws as `joinGroup` does. */
  setMulticast(options: MulticastOptions): void;
}
