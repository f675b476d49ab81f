/**
 * The network port: what a loop offers for byte connections, at the level of callbacks.
 *
 * A transport moves bytes; a protocol is told what happens. For each connection the calls are, in order:
 * `connectionMade` once, `dataReceived` any number of times, `eofReceived` at most once,
 * `connectionLost` once. `pauseWriting` and `resumeWriting` alternate. No call comes after `connectionLost`.
 * The shape is that of asyncio's transports and protocols.
 */

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** As people write it: `127.0.0.1:8000`, `[::1]:8000`. */
export function formatAddress({ host, port }: SocketAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export interface Transport {
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress;
  /** Bytes accepted by `write` that the operating system has not taken yet. */
  readonly bufferedBytes: number;
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

export interface Listener {
  readonly address: SocketAddress;
  /** Stops accepting. Connections already made go on. Idempotent; settles when the address is free. */
  close(): Promise<void>;
}

export interface ListenOptions extends SocketAddress {
  /** How many connections the system may hold before they are accepted. */
  readonly backlog?: number;
}

export interface AcceptHandler {
  /** A connection arrived; returns its protocol, whose `connectionMade` is called next. */
  accepted(): Protocol;
  /** An accept failed; the listener goes on. */
  acceptFailed(error: Error): void;
}

export interface Network {
  /** Begins to connect; `connectionMade` or `connectionLost` of `protocol` tells how it went. The result abandons the attempt; once it is over, that does nothing. */
  connect(address: SocketAddress, protocol: Protocol): () => void;
  /** @throws the system's error (`EADDRINUSE` and kin) by rejecting. */
  listen(options: ListenOptions, handler: AcceptHandler): Promise<Listener>;
}
