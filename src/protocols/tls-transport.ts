/**
 * A transport that is TLS over another transport, which it takes over: it is the protocol below and the transport above.
 *
 *   handshaking --secured--> open --close()--> closing --the peer's close_notify, its end, or the timeout--> lower.close() --> lost
 *        \                     \--truncated, damaged--> the failure is kept, lower.abort() ----------------------------------> lost
 *         \--failed--> the failure is kept, lower.close(), so that the alert arrives ---------------------------------------> lost
 *
 * `connectionLost` of the protocol comes from that of the transport below, so it comes once and last. Plain bytes that come before the
 * upgrade has been told, or while reading is paused, are kept.
 */
import type { Address } from "../kernel/addresses.ts";
import { ClosedError } from "../kernel/errors.ts";
import type { Protocol, Transport, WriteBufferLimits } from "../kernel/network.ts";
import type { Loop, Timer } from "../kernel/ports.ts";
import { TlsEngine, type TlsEvents, type TlsRole, type TlsSession } from "../tls/engine.ts";
import { TlsError, type TlsFailure } from "../tls/errors.ts";
import { handshakeCut, handshakeTimedOut, type TlsLimits, truncated } from "../tls/options.ts";

const LIMITS: WriteBufferLimits = { high: 64 * 1024, low: 0 };

export interface TlsTransportOptions {
  readonly role: TlsRole;
  readonly limits: TlsLimits;
  readonly loop: Loop;
  /** The handshake is done, or is not. */
  readonly upgraded: (transport: TlsTransport) => void;
  readonly failed: (error: Error) => void;
}

/** A transport whose bytes are sealed. */
export class TlsTransport implements Transport, Protocol, TlsEvents {
  protocol: Protocol;
  readonly #lower: Transport;
  readonly #limits: TlsLimits;
  readonly #loop: Loop;
  readonly #engine: TlsEngine;
  readonly #upgraded: (transport: TlsTransport) => void;
  readonly #failed: (error: Error) => void;
  #state: "handshaking" | "open" | "closing" | "lost" = "handshaking";
  #session: TlsSession | undefined;
  /** Sealed bytes that came before the engine may be fed. */
  #early: Uint8Array[] | undefined = [];
  /** Plain bytes, and how they end, that the protocol may not have yet. */
  #held: (Uint8Array | "eof" | "cut off")[] = [];
  #isTold = false;
  #isReadingPaused = false;
  #marks: WriteBufferLimits = LIMITS;
  #isFull = false;
  #isLowerFull = false;
  #hasFinished = false;
  #hasEnded = false;
  #error: Error | undefined;
  #handshakeTimer: Timer | undefined;
  #shutdownTimer: Timer | undefined;

  constructor(lower: Transport, protocol: Protocol, received: Uint8Array, options: TlsTransportOptions) {
    this.#lower = lower;
    this.protocol = protocol;
    this.#limits = options.limits;
    this.#loop = options.loop;
    this.#upgraded = options.upgraded;
    this.#failed = options.failed;
    lower.protocol = this;
    lower.setWriteBufferLimits(LIMITS);
    if (received.length > 0) this.#early?.push(received);
    const { handshakeTimeoutMs } = options.limits;
    this.#handshakeTimer = this.#after(handshakeTimeoutMs, () => this.failed(handshakeTimedOut(handshakeTimeoutMs)));
    this.#engine = new TlsEngine(options.role, this, options.loop);
    lower.resumeReading();
    void this.#engine.started.then(() => this.#begin());
  }

  /** What both ends agreed on; `undefined` until the handshake is done. */
  get session(): TlsSession | undefined {
    return this.#session;
  }

  get localAddress(): Address {
    return this.#lower.localAddress;
  }

  get remoteAddress(): Address {
    return this.#lower.remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#engine.bufferedBytes + this.#lower.bufferedBytes;
  }

  get isClosing(): boolean {
    return this.#state === "closing" || this.#state === "lost" || this.#lower.isClosing;
  }

  setWriteBufferLimits(limits: WriteBufferLimits): void {
    this.#marks = limits;
    this.#lower.setWriteBufferLimits(limits);
    this.#checkFull();
    this.#checkRoom();
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open" || this.#hasFinished) return;
    this.#engine.write(bytes);
    this.#checkFull();
  }

  writeEof(): void {
    if (this.#state !== "open" || this.#hasFinished) return;
    this.#hasFinished = true;
    this.#engine.finish();
  }

  pauseReading(): void {
    this.#isReadingPaused = true;
    this.#lower.pauseReading();
  }

  resumeReading(): void {
    this.#isReadingPaused = false;
    if (this.#state === "lost") return;
    this.#lower.resumeReading();
    this.#release();
  }

  close(): void {
    if (this.#state === "handshaking") {
      this.#giveUp(new ClosedError("startTls: this side closed the transport before the handshake was done"));
      this.#lower.close();
      return;
    }
    if (this.#state !== "open") return;
    this.writeEof();
    this.#state = "closing";
    this.#held = [];
    // The peer may still be sending; unread, that would stand in the way of its close_notify.
    this.#lower.resumeReading();
    this.#closeLower();
  }

  abort(): void {
    if (this.#state === "lost") return;
    this.#giveUp(new ClosedError("startTls: this side aborted the transport before the handshake was done"));
    this.#state = "closing";
    this.#lower.abort();
  }

  // The protocol: called by the transport below.

  connectionMade(): void {}

  dataReceived(bytes: Uint8Array): void {
    if (this.#early !== undefined) this.#early.push(bytes);
    else this.#engine.feed(bytes);
  }

  eofReceived(): void {
    if (this.#hasEnded || this.#state === "lost") return;
    if (this.#state === "closing") this.#lower.close();
    // What came before the end may have failed, which the engine tells a tick later.
    else if (this.#state === "handshaking") this.#loop.afterTurn(() => this.#cutOff());
    else if (this.#limits.requireCloseNotify) this.#hold("cut off");
    else this.ended();
  }

  connectionLost(error: Error | undefined): void {
    if (this.#state === "handshaking") {
      this.#error = error ?? new TlsError("startTls", handshakeCut);
      this.#giveUp(this.#error);
    } else if (this.#state === "open" && error === undefined && this.#limits.requireCloseNotify && !this.#hasEnded) {
      // Below it ended in order, here it was cut.
      this.#error = new TlsError("TLS", truncated);
    }
    this.#state = "lost";
    this.#handshakeTimer?.cancel();
    this.#shutdownTimer?.cancel();
    this.#engine.destroy();
    this.protocol.connectionLost(this.#error ?? error);
  }

  pauseWriting(): void {
    this.#isLowerFull = true;
    this.#checkFull();
  }

  resumeWriting(): void {
    this.#isLowerFull = false;
    this.#checkRoom();
  }

  // The events of the engine.

  sealed(bytes: Uint8Array): void {
    this.#lower.write(bytes);
  }

  opened(bytes: Uint8Array): void {
    this.#hold(bytes);
  }

  secured(session: TlsSession): void {
    if (this.#state !== "handshaking") return;
    this.#state = "open";
    this.#session = session;
    this.#handshakeTimer?.cancel();
    this.#upgraded(this);
    // Whoever waits for the upgrade gets to know the transport before its protocol hears of bytes.
    this.#loop.afterTurn(() => {
      this.#isTold = true;
      this.#release();
    });
  }

  ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#state === "closing") this.#closeLower();
    else this.#hold("eof");
  }

  drained(): void {
    this.#checkRoom();
    const isOver = this.#state === "open" && this.#hasFinished && this.#hasEnded && this.#held.length === 0;
    // With both directions ended, nobody need close it.
    if (isOver) this.close();
    else if (this.#state === "closing") this.#closeLower();
  }

  failed(failure: TlsFailure): void {
    if (this.#state === "lost" || this.#state === "closing") return;
    const wasHandshaking = this.#state === "handshaking";
    const error = new TlsError(wasHandshaking ? "startTls" : "TLS", failure);
    this.#error = error;
    this.#giveUp(error);
    this.#state = "closing";
    if (wasHandshaking && failure.reason !== "handshake-timeout") this.#lower.close();
    else this.#lower.abort();
  }

  #begin(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const bytes of early) this.#engine.feed(bytes);
  }

  #cutOff(): void {
    if (this.#state === "handshaking") this.failed(handshakeCut);
  }

  /** Tells who waits for the upgrade that there will be none. */
  #giveUp(error: Error): void {
    if (this.#state !== "handshaking") return;
    this.#handshakeTimer?.cancel();
    this.#state = "closing";
    this.#failed(error);
  }

  #hold(item: Uint8Array | "eof" | "cut off"): void {
    if (this.#state !== "open") return;
    this.#held.push(item);
    this.#release();
  }

  /** Gives the protocol what it may have. */
  #release(): void {
    while (this.#isTold && !this.#isReadingPaused && this.#state === "open" && this.#held.length > 0) {
      const next = this.#held.shift() as Uint8Array | "eof" | "cut off";
      if (next === "cut off") this.failed(truncated);
      else if (next === "eof") {
        this.protocol.eofReceived();
        this.drained();
      } else this.protocol.dataReceived(next);
    }
  }

  /** Once our close_notify is out, and the peer's is in or nobody waits for it. */
  #closeLower(): void {
    if (!this.#engine.isReady) return;
    if (this.#hasEnded || !this.#limits.requireCloseNotify) this.#lower.close();
    else this.#shutdownTimer ??= this.#after(this.#limits.shutdownTimeoutMs, () => this.#lower.close());
  }

  #after(ms: number, callback: () => void): Timer | undefined {
    return ms === Infinity ? undefined : this.#loop.callAt(this.#loop.time() + ms, callback);
  }

  #checkFull(): void {
    if (this.#isFull || this.#state === "lost") return;
    if (!this.#isLowerFull && this.#engine.bufferedBytes <= this.#marks.high) return;
    this.#isFull = true;
    this.protocol.pauseWriting();
  }

  #checkRoom(): void {
    if (!this.#isFull || this.#state === "lost") return;
    if (this.#isLowerFull || this.#engine.bufferedBytes > this.#marks.low) return;
    this.#isFull = false;
    this.protocol.resumeWriting();
  }
}
