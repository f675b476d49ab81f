/**
 * What a byte stream is, whatever carries it: TCP, memory, later TLS, Unix sockets and pipes.
 */
import type { SocketAddress } from "../kernel/network.ts";

/**
 * A reliable, ordered, two-way stream of bytes with backpressure both ways.
 * One task may send and one may receive at a time. Iterating gives chunks until end-of-file; leaving the loop closes nothing.
 */
export interface ByteStream extends AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress;
  /**
   * Waits for some bytes: at least one, at most `maxBytes` (by default, as many as came together). `undefined` is end-of-file.
   * The bytes belong to the caller. Always a checkpoint; cancelled, nothing is lost.
   *
   * @throws ClosedError if this side closed the stream.
   * @throws BrokenError if the connection was lost; what had arrived before is delivered first.
   * @throws BusyError if another task is receiving.
   * @throws RangeError if `maxBytes` is not a whole number of at least 1.
   */
  receive(maxBytes?: number): Promise<Uint8Array | undefined>;
  /**
   * Sends all of `bytes`, which must not be changed afterwards. Waits first while what was sent before has not left (more than
   * the high watermark is buffered), then hands over everything at once. Always a checkpoint. Atomic under cancellation: all or nothing.
   *
   * @throws ClosedError if this side closed the stream, or after `sendEof`.
   * @throws BrokenError if the connection was lost.
   * @throws BusyError if another task is sending.
   */
  send(bytes: Uint8Array): Promise<void>;
  /** Sends if that needs no waiting. False: full (`send` would wait), closed or lost; nothing was sent. No checkpoint. */
  trySend(bytes: Uint8Array): boolean;
  /** Tells the peer that no more will be sent; receiving goes on. Always a checkpoint. Idempotent. Errors as for `send`. */
  sendEof(): Promise<void>;
  /**
   * Closes in order: what was sent is flushed, then the connection ends. Whoever is blocked in the stream gets `ClosedError` at once.
   * If cancelled while flushing (or before), the rest is dropped and the connection ends now. Idempotent.
   */
  close(): Promise<void>;
  /** Closes now, dropping what was not flushed; the peer sees a reset. Idempotent, never waits. */
  abort(): void;
}
