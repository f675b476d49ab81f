/**
 * A TLS engine tied to the stream below it. No task of its own moves the bytes: whoever waits in the TLS stream does, for everybody.
 *
 *   going out     sealed bytes go to the stream at once, while it takes them; what it does not take waits in `backlog`, and one user at a
 *                 time hands that over (`flush`), in order
 *   coming in     one user at a time waits for the stream (`exchange`), and lets out what waits to go meanwhile, so that two ends that
 *                 have both something to say cannot block each other
 *
 * A user who waits for the stream is cut short, and looks again, when something changes: the engine failed, was secured, or said something
 * that the stream did not take. Nothing is lost then: a cancelled `receive` and a cancelled `send` of a stream have had no effect.
 */
import type { CancelScope } from "../kernel/cancel-scope.ts";
import { BrokenError, ClosedError } from "../kernel/errors.ts";
import type { Loop } from "../kernel/ports.ts";
import { cancelScope } from "../kernel/scopes.ts";
import { taskGroup } from "../kernel/task-group.ts";
import type { ByteStream } from "../streams/byte-stream.ts";
import { Semaphore } from "../sync/semaphore.ts";
import { TlsEngine, type TlsEvents, type TlsRole, type TlsSession } from "../tls/engine.ts";
import { TlsError, type TlsFailure } from "../tls/errors.ts";
import { handshakeCut } from "../tls/options.ts";

/** For asking a stream whether, and waiting until, it has room. */
const NOTHING: Uint8Array = new Uint8Array(0);

export class TlsLink implements TlsEvents {
  readonly stream: ByteStream;
  session: TlsSession | undefined;
  failure: TlsFailure | undefined;
  /** The peer's close_notify came. */
  hasEnded = false;
  /** The stream below has ended. */
  isCutOff = false;
  /** Whether what comes is thrown away. */
  isDiscarding = false;
  readonly #role: TlsRole;
  readonly #loop: Loop;
  #engine: TlsEngine | undefined;
  #chunks: Uint8Array[] = [];
  #backlog: Uint8Array[] = [];
  /** The stream below says that it has room, and takes nothing at once all the same. The first word of a handshake shows it. */
  #mustWait = false;
  /** The stream below has one sender at a time, and one receiver. Who was cut short may not have left it yet. */
  readonly #sending = new Semaphore(1);
  readonly #receiving = new Semaphore(1);
  #exchanging: CancelScope | undefined;

  constructor(stream: ByteStream, role: TlsRole, loop: Loop) {
    this.stream = stream;
    this.#role = role;
    this.#loop = loop;
  }

  get hasBacklog(): boolean {
    return this.#backlog.length > 0;
  }

  get hasChunks(): boolean {
    return this.#chunks.length > 0;
  }

  /** Whether there is a secure connection that has not failed. */
  get isOpen(): boolean {
    return this.session !== undefined && this.failure === undefined && this.#engine?.isAlive === true;
  }

  /** The oldest bytes that came, at most `maxBytes`. */
  take(maxBytes: number | undefined): Uint8Array {
    const first = this.#chunks[0] as Uint8Array;
    if (maxBytes !== undefined && first.length > maxBytes) {
      this.#chunks[0] = first.subarray(maxBytes);
      return first.subarray(0, maxBytes);
    }
    this.#chunks.shift();
    return first;
  }

  /** Goes on with the handshake until it is over. @throws TlsError if it failed. */
  async shakeHands(): Promise<void> {
    if (this.#engine === undefined) {
      this.#engine = new TlsEngine(this.#role, this, this.#loop);
      await this.#engine.started;
    }
    while (this.session === undefined && this.failure === undefined) {
      if (!this.isCutOff) await this.exchange();
      else {
        // What came before the end may have failed, which is told a tick later.
        await this.#loop.breathe();
        this.failure ??= handshakeCut;
      }
    }
    // The alert, or the last word of the handshake. The tickets that a server of TLS 1.3 sends after it can wait.
    if (this.#role.side === "client" || this.session?.version !== "TLSv1.3") {
      while (this.#engine.isSpeaking) await this.#loop.breathe();
      if (this.hasBacklog) await this.flush();
    }
    if (this.failure !== undefined) throw new TlsError("TLS handshake", this.failure);
  }

  /** Whether `write` now would hand `bytes` over at once. */
  hasRoom(): boolean {
    return !this.#mustWait && this.#backlog.length === 0 && this.#ready.isReady && this.stream.trySend(NOTHING);
  }

  /** Waits until `write` would, as far as the stream below tells. */
  async room(check: () => void): Promise<void> {
    for (;;) {
      check();
      if (this.hasRoom()) return;
      if (this.#backlog.length > 0) await this.flush();
      else if (!this.#ready.isReady) await this.#loop.breathe();
      else {
        await this.#send(NOTHING);
        check();
        if (this.#backlog.length === 0 && this.#ready.isReady) return;
      }
    }
  }

  /** Seals `bytes`. Whether they are with the stream below already; if not, `settle` sees to it. */
  write(bytes: Uint8Array): boolean {
    return this.#ready.write(bytes) && this.#backlog.length === 0;
  }

  /** Our close_notify. */
  finish(): void {
    this.#ready.finish();
  }

  /** Until all that was written, and our close_notify, is with the stream below. */
  async settle(): Promise<void> {
    while (this.#engine?.isAlive === true && !(this.#engine.isReady && this.#backlog.length === 0)) {
      if (this.#backlog.length > 0) await this.flush();
      else await this.#loop.breathe();
    }
  }

  /** The same, while what comes is taken in: the peer may be unable to read until it has written. */
  async settleBothWays(): Promise<void> {
    while (this.#engine?.isAlive === true && !(this.#engine.isReady && this.#backlog.length === 0)) {
      if (this.#backlog.length === 0) await this.#loop.breathe();
      else if (this.isCutOff) await this.flush();
      else await this.exchange();
    }
  }

  /** Hands the backlog over. Who comes second finds it done. */
  async flush(): Promise<void> {
    using _ = await this.#sending.acquire();
    for (let next = this.#backlog[0]; next !== undefined; next = this.#backlog[0]) {
      await this.stream.send(next);
      this.#backlog.shift();
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    using _ = await this.#sending.acquire();
    await this.stream.send(bytes);
  }

  /**
   * Waits for the stream, takes in what it gives, and lets out the backlog meanwhile. Over as well when the backlog is out, or
   * anything else has changed.
   */
  async exchange(): Promise<void> {
    using _ = await this.#receiving.acquire();
    try {
      const came = await cancelScope(async (scope) => {
        this.#exchanging = scope;
        return { bytes: this.#backlog.length === 0 ? await this.stream.receive() : await this.#receiveWhileFlushing() };
      });
      if (came === undefined) return;
      if (came.bytes === undefined) this.isCutOff = true;
      else this.#engine?.feed(came.bytes);
    } finally {
      this.#exchanging = undefined;
    }
  }

  #receiveWhileFlushing(): Promise<Uint8Array | undefined> {
    return taskGroup(async (group) => {
      const flushing = async (): Promise<void> => {
        try {
          await this.flush();
          this.#changed();
        } catch (error) {
          // What has come is still to be had; who sends next is told.
          if (!(error instanceof BrokenError || error instanceof ClosedError)) throw error;
        }
      };
      group.spawn(flushing, { name: "TLS flush", background: true });
      return this.stream.receive();
    });
  }

  /** Sends nothing any more; what waited to go is dropped. */
  drop(): void {
    this.#backlog = [];
  }

  discard(): void {
    this.isDiscarding = true;
    this.#chunks = [];
    this.#changed();
  }

  /** Gives the failure in force: the first. */
  fail(failure: TlsFailure): TlsFailure {
    this.failure ??= failure;
    this.#changed();
    return this.failure;
  }

  destroy(): void {
    this.#engine?.destroy();
    this.#changed();
  }

  // Called by the engine.

  sealed(bytes: Uint8Array): void {
    if (this.#backlog.length === 0) {
      if (this.stream.trySend(bytes)) return;
      if (this.stream.trySend(NOTHING)) this.#mustWait = true;
    }
    this.#backlog.push(bytes);
    this.#changed();
  }

  opened(bytes: Uint8Array): void {
    if (!this.isDiscarding) this.#chunks.push(bytes);
  }

  secured(session: TlsSession): void {
    this.session = session;
    this.#changed();
  }

  ended(): void {
    this.hasEnded = true;
    this.#changed();
  }

  drained(): void {}

  failed(failure: TlsFailure): void {
    this.fail(failure);
  }

  get #ready(): TlsEngine {
    if (this.#engine === undefined) throw new Error("a TLS connection is written to only after its handshake");
    return this.#engine;
  }

  #changed(): void {
    this.#exchanging?.cancel("something changed");
  }
}
