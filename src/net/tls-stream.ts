/**
 * A byte stream that is TLS over another byte stream, whatever that is.
 *
 *   new --first use, or handshake()--> secured --close()--> closed
 *                \--> failed: every use throws the same `TlsError`, until it is closed
 *
 * As the contract of streams asks, a send that is cancelled has had no effect: it waits for room below before it seals. Where the
 * stream below takes nothing without waiting even then, and the wait is cut short, the sealed bytes can neither be sent nor taken back:
 * the stream is poisoned, and says so. (Trio's `SSLStream` is the model of much of this; there every cancelled send poisons.)
 *
 * Precedence of outcomes: closed on this side, then data, then end-of-file, then failures.
 */
import type { CancelScope } from "../kernel/cancel-scope.ts";
import { notBytes } from "../kernel/check-bytes.ts";
import { describe } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { disposed } from "../kernel/dispose.ts";
import { BrokenError, BusyError, ClosedError } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { printsAs } from "../kernel/printed.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentLoop, currentNode } from "../kernel/scope.ts";
import { cancelScope, moveOnAfter } from "../kernel/scopes.ts";
import type { ByteStream } from "../streams/byte-stream.ts";
import { ChunkIterator } from "../streams/chunk-iterator.ts";
import { Semaphore } from "../sync/semaphore.ts";
import type { TlsRole, TlsSession } from "../tls/engine.ts";
import { TlsError } from "../tls/errors.ts";
import type { TlsLimits } from "../tls/options.ts";
import { handshakeTimedOut, truncated } from "../tls/options.ts";
import { TlsLink } from "./tls-link.ts";

const POISON = "an earlier send was cut short when its bytes were sealed already, so none can follow them";

/** TLS over a stream of type `S`. */
export class TlsStream<S extends ByteStream = ByteStream> implements ByteStream {
  /** The stream below. Using it beside the TLS breaks the TLS. */
  readonly transportStream: S;
  readonly #link: TlsLink;
  readonly #limits: TlsLimits;
  readonly #handshakes = new Semaphore(1);
  readonly #shutdowns = new Semaphore(1);
  /** The waits of users that a close cuts short. */
  readonly #uses = new Set<CancelScope>();
  #handshakeDeadline: number | undefined;
  #isReceiving = false;
  #isSending = false;
  #isClosed = false;
  #isOver = false;
  #hasSentEof = false;
  #isPoisoned = false;

  constructor(stream: S, role: TlsRole, limits: TlsLimits) {
    this.transportStream = stream;
    this.#link = new TlsLink(stream, role, currentLoop());
    this.#limits = limits;
  }

  /** What both ends agreed on; `undefined` until the handshake is done. */
  get session(): TlsSession | undefined {
    return this.#link.session;
  }

  /** That of the stream below, if it has one. */
  get localAddress(): S extends { readonly localAddress: infer A } ? A : undefined {
    return (this.transportStream as { localAddress?: unknown }).localAddress as never;
  }

  /** That of the stream below, if it has one. */
  get remoteAddress(): S extends { readonly remoteAddress: infer A } ? A : undefined {
    return (this.transportStream as { remoteAddress?: unknown }).remoteAddress as never;
  }

  /**
   * Makes sure that the handshake is done, and gives what both ends agreed on. The first `send`, `receive` or `sendEof` does so by
   * itself. Always a checkpoint; cancelled, whoever needs it next goes on with it.
   *
   * @throws TlsError if the handshake failed, or took too long.
   * @throws BrokenError if the connection was lost.
   * @throws ClosedError if this side closed the stream.
   */
  handshake(): Promise<TlsSession> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.handshake());
    const { session } = this.#link;
    if (session !== undefined && !this.#isClosed) return Promise.resolve(session);
    return waiting(() =>
      this.#use("handshake on", async () => {
        await this.#secure();
        return this.#link.session as TlsSession;
      }),
    );
  }

  receive(maxBytes?: number): Promise<Uint8Array | undefined> {
    if (maxBytes !== undefined && !(Number.isInteger(maxBytes) && maxBytes >= 1)) {
      return Promise.reject(new RangeError(`receive: expected maxBytes of at least 1, got ${describe(maxBytes)}`));
    }
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.receive(maxBytes));
    if (this.#isReceiving) return Promise.reject(busy("receiving from"));
    if (this.#isClosed) return Promise.reject(closedHere("receive from"));
    if (this.#link.hasChunks) return Promise.resolve(this.#link.take(maxBytes));
    if (this.#link.hasEnded) return Promise.resolve(undefined);
    return waiting(() => this.#receive(maxBytes));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array, undefined> {
    return new ChunkIterator(this);
  }

  send(bytes: Uint8Array): Promise<void> {
    if (!(bytes instanceof Uint8Array)) return Promise.reject(notBytes("send", bytes));
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.send(bytes));
    if (this.#isSending) return Promise.reject(busy("sending to"));
    const refusal = this.#refusalToSend();
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#link.isOpen && this.#link.hasRoom()) {
      return this.#link.write(bytes) ? DONE : waiting(() => this.#useToSend(() => this.#settle()));
    }
    return waiting(() => this.#send(() => this.#link.write(bytes)));
  }

  trySend(bytes: Uint8Array): boolean {
    if (!(bytes instanceof Uint8Array)) throw notBytes("trySend", bytes);
    if (this.#isSending || this.#refusalToSend() !== undefined || !this.#link.isOpen || !this.#link.hasRoom())
      return false;
    this.#link.write(bytes);
    return true;
  }

  /** Tells the peer that no more will be sent: close_notify. Receiving goes on; that of TLS 1.2 may end it, if the peer goes by the letter. */
  sendEof(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.sendEof());
    if (this.#hasSentEof && !this.#isClosed) return DONE;
    if (this.#isSending) return Promise.reject(busy("sending to"));
    const refusal = this.#refusalToSend();
    if (refusal !== undefined) return Promise.reject(refusal);
    return waiting(() =>
      this.#send(() => {
        this.#hasSentEof = true;
        this.#link.finish();
        return false;
      }),
    );
  }

  /**
   * Closes in order: what was sent is flushed, then comes close_notify; the peer's is waited for, for `shutdownTimeoutMs` at most; then the
   * stream below is closed. What the peer still sends is dropped. Whoever is blocked in the stream gets `ClosedError` at once. If
   * cancelled, the rest is dropped and the connection ends now. Idempotent.
   */
  close(): Promise<void> {
    const scope = currentNode();
    this.#closeHere();
    const isDetour = mustDetour(scope);
    // Cancelled before, or overdue by now.
    if (scope.cancelledBy !== null) this.abort();
    if (isDetour) return detour(scope, () => this.close());
    return this.#isOver ? DONE : waiting(() => this.#shutDown());
  }

  abort(): void {
    this.#closeHere();
    this.transportStream.abort();
    this.#over();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  async #receive(maxBytes: number | undefined): Promise<Uint8Array | undefined> {
    const link = this.#link;
    this.#isReceiving = true;
    try {
      if (link.session === undefined) await this.#use("receive from", () => this.#secure());
      for (;;) {
        if (this.#isClosed) throw closedHere("receive from");
        if (link.hasChunks) return link.take(maxBytes);
        if (link.hasEnded) return undefined;
        if (link.failure !== undefined) throw new TlsError("receive", link.failure);
        if (link.isCutOff) {
          if (!this.#limits.requireCloseNotify) return undefined;
          throw new TlsError("receive", truncated);
        }
        await this.#exchange();
      }
    } finally {
      this.#isReceiving = false;
    }
  }

  async #exchange(): Promise<void> {
    try {
      await this.#link.exchange();
    } catch (error) {
      // The stream below was closed, which can only be the doing of our own close.
      if (!(this.#isClosed && error instanceof ClosedError)) throw error;
    }
  }

  /** Waits for room, lets `write` seal, and waits until that is handed over. */
  #send(write: () => boolean): Promise<void> {
    return this.#useToSend(async () => {
      if (this.#link.session === undefined) await this.#secure();
      await this.#link.room(() => {
        const refusal = this.#refusalToSend();
        if (refusal !== undefined) throw refusal;
      });
      if (!write()) await this.#settle();
    });
  }

  async #useToSend(body: () => Promise<void>): Promise<void> {
    this.#isSending = true;
    try {
      await this.#use("send to", body);
    } finally {
      this.#isSending = false;
    }
  }

  /** What was sealed is on its way, or waits: from here on it cannot be taken back. A close_notify need not be: it can go out later. */
  async #settle(): Promise<void> {
    try {
      await this.#link.settle();
    } catch (error) {
      if (!this.#isClosed && !this.#hasSentEof && !(error instanceof BrokenError)) this.#poison();
      throw error;
    }
    const { failure } = this.#link;
    if (failure !== undefined) throw new TlsError("send", failure);
  }

  /** Runs what a close is to cut short. */
  async #use<T>(doing: string, body: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closedHere(doing);
    let use: CancelScope | undefined;
    try {
      const result = await cancelScope(async (scope) => {
        use = scope;
        this.#uses.add(scope);
        return { value: await body() };
      });
      if (result === undefined) throw closedHere(doing);
      return result.value;
    } catch (error) {
      if (this.#isClosed && error instanceof BrokenError) throw closedHere(doing);
      throw error;
    } finally {
      if (use !== undefined) this.#uses.delete(use);
    }
  }

  async #secure(): Promise<void> {
    const link = this.#link;
    using _ = await this.#handshakes.acquire();
    if (link.session !== undefined) return;
    if (link.failure !== undefined) throw new TlsError("TLS handshake", link.failure);
    this.#handshakeDeadline ??= currentLoop().time() + this.#limits.handshakeTimeoutMs;
    const isDone = await cancelScope(() => link.shakeHands().then(() => true), { deadline: this.#handshakeDeadline });
    if (isDone === true) return;
    throw new TlsError("TLS handshake", link.fail(handshakeTimedOut(this.#limits.handshakeTimeoutMs)));
  }

  async #shutDown(): Promise<void> {
    try {
      using _ = await this.#shutdowns.acquire();
      if (this.#isOver) return;
      await this.#sayGoodbye();
      this.#over();
      await this.transportStream.close();
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  async #sayGoodbye(): Promise<void> {
    const link = this.#link;
    try {
      if (link.failure !== undefined) await link.flush();
      if (!link.isOpen || this.#isPoisoned) return;
      if (!this.#hasSentEof) {
        await link.settleBothWays();
        link.finish();
      }
      await link.settleBothWays();
      if (!this.#limits.requireCloseNotify) return;
      await moveOnAfter(this.#limits.shutdownTimeoutMs, async () => {
        while (link.isOpen && !link.hasEnded && !link.isCutOff) await link.exchange();
      });
    } catch (error) {
      // The peer is gone, or this side aborted: there is nobody to say goodbye to.
      if (!(error instanceof BrokenError || error instanceof ClosedError)) throw error;
    }
  }

  #refusalToSend(): Error | undefined {
    if (this.#isClosed) return closedHere("send to");
    if (this.#hasSentEof) return new ClosedError("send after sendEof: this side has said that it sends no more");
    if (this.#isPoisoned) return new BrokenError(`send: ${POISON}`);
    const { failure, isCutOff, hasEnded } = this.#link;
    if (failure !== undefined) return new TlsError("send", failure);
    if (isCutOff && !hasEnded && this.#limits.requireCloseNotify) return new TlsError("send", truncated);
    return undefined;
  }

  #poison(): void {
    this.#isPoisoned = true;
    this.#link.drop();
  }

  #closeHere(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#link.discard();
    for (const use of this.#uses) use.cancel("the stream was closed");
  }

  #over(): void {
    this.#isOver = true;
    this.#link.destroy();
  }

  get #state(): string {
    if (this.#isClosed) return "closed";
    if (this.#link.failure !== undefined) return "failed";
    return this.session === undefined ? "not secured" : `secured, ${this.session.version}`;
  }

  static {
    printsAs(TlsStream, (stream) => ({ state: stream.#state, transportStream: stream.transportStream }));
  }
}

/**
 * As `quietly`. What is lost below is told from here: between it and the user are more frames than a stack shows (rule 14), and the
 * `cause` says what it was.
 */
function waiting<T>(work: () => Promise<T>): Promise<T> {
  return quietly(async () => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof BrokenError || error instanceof ClosedError) Error.captureStackTrace(error);
      throw error;
    }
  });
}

function busy(doing: string): BusyError {
  return new BusyError(`another task is ${doing} this stream: give one task the sending and one the receiving`);
}

function closedHere(doing: string): ClosedError {
  return new ClosedError(`${doing} a stream that this side has closed`);
}
