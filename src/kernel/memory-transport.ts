/**
 * Connections in memory with the contract of real ones: watermarks both ways, half close, reset. What one side writes arrives
 * on a later turn of the loop. The virtual network is made of them, and so are pairs of streams that need no network.
 */
import type { Address } from "./addresses.ts";
import type { Protocol, Transport, WriteBufferLimits } from "./network.ts";
import { systemError } from "./system-error.ts";

/** As Node's sockets: at it, `pauseWriting`. */
const HIGH_WATER_BYTES = 64 * 1024;
/** So many delivered items are forgotten at once. */
const MANY_ITEMS = 4_096;

/** Calls back on a later turn, in order. */
export type Later = (callback: () => void) => void;

/** Connects two protocols; both hear `connectionMade` now. `seenFromB` is how the end of `b` writes the two addresses. */
export function joinPair(
  a: Protocol,
  b: Protocol,
  addressA: Address,
  addressB: Address,
  later: Later,
  seenFromB: (address: Address) => Address = (address) => address,
): void {
  const endA = new MemoryTransport(a, addressA, addressB, later);
  const endB = new MemoryTransport(b, seenFromB(addressB), seenFromB(addressA), later);
  endA.peer = endB;
  endB.peer = endA;
  a.connectionMade(endA);
  b.connectionMade(endB);
}

type Item = Uint8Array | "eof";

class MemoryTransport implements Transport {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  protocol: Protocol;
  peer!: MemoryTransport;
  readonly #later: Later;
  /** On the way to the peer; those before `delivered` have arrived. (Tens of thousands of small ones may wait: `shift` would move them all.) */
  #outgoing: Item[] = [];
  #delivered = 0;
  #bufferedBytes = 0;
  #limits: WriteBufferLimits = { high: HIGH_WATER_BYTES - 1, low: 0 };
  #isFull = false;
  #isReadingPaused = false;
  #state: "open" | "closing" | "lost" = "open";
  #hasSentEof = false;
  #hasReceivedEof = false;
  #isDeliveryDue = false;

  constructor(protocol: Protocol, local: Address, remote: Address, later: Later) {
    this.protocol = protocol;
    this.localAddress = local;
    this.remoteAddress = remote;
    this.#later = later;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get isClosing(): boolean {
    return this.#state !== "open";
  }

  setWriteBufferLimits(limits: WriteBufferLimits): void {
    this.#limits = limits;
    this.#checkFull();
    this.#checkRoom();
  }

  write(bytes: Uint8Array): void {
    if (this.#hasSentEof || this.#state !== "open" || bytes.length === 0) return;
    this.#outgoing.push(bytes);
    this.#bufferedBytes += bytes.length;
    this.#deliverLater();
    this.#checkFull();
  }

  writeEof(): void {
    if (this.#hasSentEof || this.#state === "lost") return;
    this.#hasSentEof = true;
    this.#outgoing.push("eof");
    this.#deliverLater();
  }

  pauseReading(): void {
    this.#isReadingPaused = true;
  }

  resumeReading(): void {
    this.#isReadingPaused = false;
    this.peer.#deliverLater();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.writeEof();
    this.#state = "closing";
    this.#deliverLater();
  }

  abort(): void {
    if (this.#state === "lost") return;
    this.#drop();
    this.#later(() => this.peer.#lose(systemError("ECONNRESET", "read", this.peer.remoteAddress)));
    this.#lose(undefined);
  }

  #checkFull(): void {
    if (this.#isFull || this.#state === "lost" || this.#bufferedBytes <= this.#limits.high) return;
    this.#isFull = true;
    this.protocol.pauseWriting();
  }

  #checkRoom(): void {
    if (!this.#isFull || this.#state === "lost" || this.#bufferedBytes > this.#limits.low) return;
    this.#isFull = false;
    this.protocol.resumeWriting();
  }

  #deliverLater(): void {
    if (this.#isDeliveryDue) return;
    this.#isDeliveryDue = true;
    this.#later(() => this.#deliver());
  }

  #deliver(): void {
    this.#isDeliveryDue = false;
    const peer = this.peer;
    // One that is closing listens no more, paused or not, as a socket that is being destroyed.
    while (this.#hasOutgoing && this.#state !== "lost" && !(peer.#isReadingPaused && peer.#state === "open")) {
      const item = this.#next();
      if (item === "eof") {
        peer.#receiveEof();
      } else if (peer.#state === "lost") {
        this.#lose(systemError("EPIPE", "write", this.remoteAddress));
      } else {
        this.#bufferedBytes -= item.length;
        // The sender may hold on to what it sent, and the receiver do with it what it likes.
        if (peer.#state === "open") peer.protocol.dataReceived(copyOf(item));
      }
    }
    this.#checkRoom();
    const isOver = this.#state === "closing" || (this.#hasSentEof && this.#hasReceivedEof);
    if (isOver && !this.#hasOutgoing) this.#lose(undefined);
  }

  get #hasOutgoing(): boolean {
    return this.#outgoing.length > 0;
  }

  /** Takes the first item out. */
  #next(): Item {
    const item = this.#outgoing[this.#delivered++] as Item;
    if (this.#delivered === this.#outgoing.length) this.#drop();
    else if (this.#delivered === MANY_ITEMS) {
      this.#outgoing = this.#outgoing.slice(MANY_ITEMS);
      this.#delivered = 0;
    }
    return item;
  }

  #drop(): void {
    this.#outgoing = [];
    this.#delivered = 0;
  }

  #receiveEof(): void {
    if (this.#state !== "open") return;
    this.#hasReceivedEof = true;
    // With both directions ended, nobody need close it.
    if (this.#hasSentEof) this.#deliverLater();
    this.protocol.eofReceived();
  }

  #lose(error: Error | undefined): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    this.#bufferedBytes = 0;
    this.#isFull = false;
    // What the peer still has for us goes nowhere, and it may be waiting to hear so.
    this.peer.#deliverLater();
    this.protocol.connectionLost(error);
  }
}

/** As sockets give it on this host: a `Buffer` where there are any, so that what works in memory works on a network. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return typeof Buffer === "undefined" ? new Uint8Array(bytes) : Buffer.from(bytes);
}
