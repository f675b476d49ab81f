/**
 * What a byte stream is, whatever carries it: TCP, TLS, Unix sockets, pipes, memory, or something of the user's own.
 *
 * One way each: `SendStream` and `ReceiveStream`; both ways: `ByteStream`; with addresses: `SocketStream`, `UnixStream`.
 * `coppice/testing` has a conformance kit that checks all that is said here.
 */
import type { SocketAddress, UnixAddress } from "../kernel/addresses.ts";

/** What can be closed, in order or at once. */
export interface Closable extends AsyncDisposable {
  /**
   * Closes in order: what was sent is flushed, then the connection ends. Whoever is blocked in the stream gets `ClosedError` at once.
   * If cancelled while flushing (or before), the rest is dropped and the connection ends now. Idempotent.
   */
  close(): Promise<void>;
  /** Closes now, dropping what was not flushed; the peer sees a failure, where the transport can tell it. Idempotent, never waits. */
  abort(): void;
}

/** Bytes that come: iterating gives chunks until end-of-file; leaving the loop closes nothing. One task may receive at a time. */
export interface ReceiveStream extends AsyncIterable<Uint8Array>, Closable {
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
}

/** Bytes that go. One task may send at a time. */
export interface SendStream extends Closable {
  /**
   * Sends all of `bytes`, which must not be changed afterwards; none at all is legal. Waits first while what was sent before has
   * not left (more than the high watermark is buffered), then hands over everything at once. Always a checkpoint. Atomic under
   * cancellation: all or nothing.
   *
   * @throws ClosedError if this side closed the stream, or after `sendEof`.
   * @throws BrokenError if the connection was lost.
   * @throws BusyError if another task is sending.
   */
  send(bytes: Uint8Array): Promise<void>;
}

/** A reliable, ordered, two-way stream of bytes with backpressure both ways. One task may send and one may receive at a time. */
export interface ByteStream extends ReceiveStream, SendStream {
  /** Sends if that needs no waiting. False: full (`send` would wait), closed or lost; nothing was sent. No checkpoint. A stream may always say false. */
  trySend(bytes: Uint8Array): boolean;
  /** Tells the peer that no more will be sent; receiving goes on. Always a checkpoint. Idempotent. Errors as for `send`. */
  sendEof(): Promise<void>;
}

/** A byte stream between two addresses of the internet protocols. */
export interface SocketStream extends ByteStream {
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress;
}

/** A byte stream on this machine; the end that connected has no path. */
export interface UnixStream extends ByteStream {
  readonly localAddress: UnixAddress;
  readonly remoteAddress: UnixAddress;
}
