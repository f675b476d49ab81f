/**
 * What users extend to serve a connection: a protocol whose every callback does nothing, so that each writes only those it needs, and the transport
 * that it is given. After asyncio's `Protocol`.
 *
 * Callbacks run outside of every task and of every cancellation, in the asynchronous context of whoever made the server or the connection, and not
 * inside of one another: only of a full or an empty buffer `write` and `setWriteBufferLimits` tell before they return. One that throws
 * costs its connection, which is aborted, and the loop's exception handler is told.
 */
import type { Transport, WriteBufferLimits } from "../kernel/network.ts";
import type { TlsSession } from "../tls/engine.ts";

/** The callback-level end of a connection, as a `StreamProtocol` is given it. */
export interface StreamTransport extends Omit<Transport, "protocol" | "setWriteBufferLimits"> {
  /** Who is told what happens. May be replaced: the next call goes to the new one, which hears no `connectionMade` from the transport. */
  protocol: StreamProtocol;
  /** What both ends agreed on, once `startTls` has made it a TLS connection. */
  readonly tlsSession: TlsSession | undefined;
  /**
   * Sets the marks of the write buffer, in bytes: above `high` the protocol is told to pause, at `low` or below to resume. Until this is
   * called, they are 64 KiB and 0: to resume means that all was sent. From then on a mark that is left out follows from the other: `high` is
   * 64 KiB, or four times `low`; `low` is a quarter of `high`. With `high` 0 the protocol hears of every byte that waits.
   *
   * @throws RangeError if a mark is no number of bytes, or `low` is above `high`.
   */
  setWriteBufferLimits(limits: Partial<WriteBufferLimits>): void;
}

/**
 * One end of a connection: made once, then data, perhaps the end of what comes, and lost once.
 *
 * @example
 * ```ts
 * class Echo extends StreamProtocol {
 *   #transport!: StreamTransport;
 *   override connectionMade(transport: StreamTransport): void {
 *     this.#transport = transport;
 *   }
 *   override dataReceived(bytes: Uint8Array): void {
 *     this.#transport.write(bytes);
 *   }
 * }
 * const server = await currentEventLoop().createServer(() => new Echo(), { port: 8000 });
 * ```
 */
export class StreamProtocol {
  /** The connection is there. Called once, first. */
  connectionMade(_transport: StreamTransport): void {}

  /** Some bytes came, which belong to the protocol. Any number may have come together, or apart: what a message is, the protocol says. */
  dataReceived(_bytes: Uint8Array): void {}

  /** The peer will send no more. `true` leaves the connection open for writing; anything else closes it, once all was flushed. At most once. */
  eofReceived(): boolean | void {}

  /** The end; `error` is what broke it, or `undefined` for an orderly one. Called once, last. */
  connectionLost(_error: Error | undefined): void {}

  /**
   * More waits to be sent than the high mark, 64 KiB unless it was set, allows: write no more until `resumeWriting`. May be called before
   * `write` returns.
   */
  pauseWriting(): void {}

  /** What waits has fallen to the low mark: all was sent, unless `setWriteBufferLimits` has set another. */
  resumeWriting(): void {}
}
