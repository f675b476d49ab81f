/**
 * The network port: what a loop offers for byte connections and datagrams, at the level of callbacks.
 *
 * A transport moves bytes; a protocol is told what happens. For each connection the calls are, in order:
 * `connectionMade` once, `dataReceived` any number of times, `eofReceived` at most once,
 * `connectionLost` once. `pauseWriting` and `resumeWriting` alternate. No call comes after `connectionLost`.
 * The shape is that of asyncio's transports and protocols.
 */
import type { Address } from "./addresses.ts";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "./datagrams.ts";

/** The marks of a write buffer, in bytes: above `high` the protocol is told to pause, at `low` or below to resume. */
export interface WriteBufferLimits {
  readonly high: number;
  readonly low: number;
}

/** The callback-level end of a connection. */
export interface Transport {
  /** A pipe has no addresses: the path of this end is `""`, that of the other one is `""` or says what it is, for people to read. */
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Bytes accepted by `write` that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /** It was closed or aborted from this side, or lost. */
  readonly isClosing: boolean;
  /** Who is told what happens. May be replaced at any time: the next call goes to the new one, which hears no `connectionMade` from the transport. */
  protocol: Protocol;
  /** Sets the marks; by default 64 KiB and 0. Tells the protocol at once if the buffer is above the new `high`, or at `low` again. */
  setWriteBufferLimits(limits: WriteBufferLimits): void;
  /** Hands over `bytes`, which must not be changed afterwards. Ignored once the transport is closing. */
  write(bytes: Uint8Array): void;
  /** Half close: flushes what was written, then tells the peer that no more will come. */
  writeEof(): void;
  /** Stops `dataReceived` and, by backpressure, the peer. Idempotent. */
  pauseReading(): void;
  resumeReading(): void;
  /** Flushes what was written, then closes. */
  close(): void;
  /** Closes at once and drops what was not written. */
  abort(): void;
}

/** The callback-level user of a connection. */
export interface Protocol {
  connectionMade(transport: Transport): void;
  /** The bytes belong to the protocol. */
  dataReceived(bytes: Uint8Array): void;
  /** The peer will send no more; writing is still possible. */
  eofReceived(): void;
  /** The end; `error` is the failure behind it, or `undefined` for an orderly close. */
  connectionLost(error: Error | undefined): void;
  /** The write buffer rose above its high mark. */
  pauseWriting(): void;
  /** The write buffer fell to its low mark. */
  resumeWriting(): void;
}

/** A listening address of a network. */
export interface NetworkListener {
  readonly address: Address;
  /** Stops accepting. Connections already made go on. Idempotent; settles when the address is free. */
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly address: Address;
  /** How many connections the system may hold before they are accepted; by default 1024. */
  readonly backlog?: number;
  /** Lets several processes listen on one address, and the system spread the connections over them. */
  readonly reusePort?: boolean;
  /** Listening on `::`, refuses IPv4; by default both come in. */
  readonly ipv6Only?: boolean;
  /** The permissions of a Unix socket's name, set once it listens. */
  readonly mode?: number;
}

export interface AcceptHandler {
  /** A connection arrived; returns its protocol, whose `connectionMade` is called next. */
  accepted(): Protocol;
  /** An accept failed; the listener goes on. */
  acceptFailed(error: Error): void;
}

export interface ConnectOptions {
  readonly address: Address;
  /** The address of this machine to connect from. */
  readonly localHost?: string;
}

/** One of the addresses that a name stands for. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** What a loop offers for connections. Errors are the system's, with a `code` (`ECONNREFUSED` and kin). */
export interface Network {
  /** Begins to connect; `connectionMade` or `connectionLost` of `protocol` tells how it went. The result abandons the attempt; once it is over, that does nothing. */
  connect(options: ConnectOptions, protocol: Protocol): () => void;
  /** @throws the system's error (`EADDRINUSE` and kin) by rejecting. */
  listen(options: ListenOptions, handler: AcceptHandler): Promise<NetworkListener>;
  /** All addresses of a name, in the order in which the system would try them. Rejects with the system's error (`ENOTFOUND`). */
  resolve(host: string): Promise<readonly ResolvedAddress[]>;
  /** Opens an endpoint for datagrams; `connectionMade` is called before it settles. */
  openDatagrams(options: DatagramOptions, protocol: DatagramProtocol): Promise<DatagramTransport>;
  /**
   * Removes the name of a Unix socket from the file system. Rejects with the system's error: `ENOENT` if there is none,
   * `ENOTSOCK` if what is there is no socket, which is left alone.
   */
  unlink(path: string): Promise<void>;
}
