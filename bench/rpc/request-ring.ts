import type { Framing } from "./framings.ts";

/**
 * Requests encoded once and handed out in turn, each with an id of its own.
 *
 * With several times as many ids as requests in flight none is in use twice.
 * The ring is laid down twice, so that any slice of it is contiguous.
 */
export class RequestRing {
  readonly #bytes: Buffer;
  readonly #requestBytes: number;
  readonly #size: number;
  #next = 0;

  constructor(framing: Framing, connectionIndex: number, size: number) {
    const requests = Array.from({ length: size }, (_, index) =>
      framing.encode(requestText((0xe549_0000 + connectionIndex * size + index).toString(16))),
    );
    this.#size = size;
    this.#requestBytes = requests[0]?.length ?? 0;
    this.#bytes = Buffer.concat([...requests, ...requests]);
  }

  take(count: number): Buffer {
    const start = this.#next * this.#requestBytes;
    this.#next = (this.#next + count) % this.#size;
    return this.#bytes.subarray(start, start + count * this.#requestBytes);
  }
}

export function requestText(id: string): string {
  return `{"method": "foo", "jsonrpc": "2.0", "id": "${id}"}`;
}
