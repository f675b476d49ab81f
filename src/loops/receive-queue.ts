/**
 * Datagrams that were received while their protocol had paused reading.
 *
 * Bounded, as the buffer that a system keeps for a socket: what comes beyond the bound is dropped, which datagrams may be. After
 * `resume` the kept ones are delivered first, in order, on a later turn; a protocol that pauses again in the middle keeps the rest.
 */
import type { SocketAddress } from "../kernel/addresses.ts";

/** About what Linux keeps for a socket: 208 KiB, bookkeeping included. */
const LIMIT_BYTES = 208 * 1024;
/** What a datagram costs besides its bytes, so that empty ones are bounded, too. */
const OVERHEAD_BYTES = 256;

interface Received {
  readonly bytes: Uint8Array;
  readonly from: SocketAddress;
}

export class ReceiveQueue {
  readonly #deliver: (bytes: Uint8Array, from: SocketAddress) => void;
  readonly #later: (callback: () => void) => void;
  #kept: Received[] = [];
  #keptBytes = 0;
  #isPaused = false;
  #isDrainDue = false;

  constructor(deliver: (bytes: Uint8Array, from: SocketAddress) => void, later: (callback: () => void) => void) {
    this.#deliver = deliver;
    this.#later = later;
  }

  push(bytes: Uint8Array, from: SocketAddress): void {
    if (!this.#isPaused && this.#kept.length === 0) {
      this.#deliver(bytes, from);
      return;
    }
    const cost = bytes.length + OVERHEAD_BYTES;
    if (this.#keptBytes + cost > LIMIT_BYTES) return;
    this.#kept.push({ bytes, from });
    this.#keptBytes += cost;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#kept.length === 0 || this.#isDrainDue) return;
    this.#isDrainDue = true;
    this.#later(() => this.#drain());
  }

  /** Drops what was kept: nobody wants it any more. */
  clear(): void {
    this.#kept = [];
    this.#keptBytes = 0;
  }

  #drain(): void {
    this.#isDrainDue = false;
    while (!this.#isPaused) {
      const next = this.#kept.shift();
      if (next === undefined) return;
      this.#keptBytes -= next.bytes.length + OVERHEAD_BYTES;
      this.#deliver(next.bytes, next.from);
    }
  }
}
