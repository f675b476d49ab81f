/**
 * Datagrams that nobody has received yet, up to a limit. What comes beyond it is dropped and counted, as the system's own buffer would
 * drop it uncounted: the newest, so that those that wait stay in order.
 */
import type { Datagram } from "./datagram-socket.ts";

/** What a waiting datagram costs beside its bytes, so that many empty ones are limited, too. */
const OVERHEAD_BYTES = 128;

export class DatagramBuffer {
  readonly #maxBytes: number;
  #datagrams: Datagram[] = [];
  #bytes = 0;
  #droppedCount = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Takes it or drops it. One is always taken, however small the limit. */
  push(datagram: Datagram): void {
    const cost = costOf(datagram);
    if (this.#datagrams.length > 0 && this.#bytes + cost > this.#maxBytes) {
      this.#droppedCount++;
      return;
    }
    this.#datagrams.push(datagram);
    this.#bytes += cost;
  }

  shift(): Datagram | undefined {
    const datagram = this.#datagrams.shift();
    if (datagram !== undefined) this.#bytes -= costOf(datagram);
    return datagram;
  }

  clear(): void {
    this.#datagrams = [];
    this.#bytes = 0;
  }
}

function costOf({ bytes }: Datagram): number {
  return bytes.length + OVERHEAD_BYTES;
}
