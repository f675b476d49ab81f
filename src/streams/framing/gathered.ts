/**
 * An incomplete piece of a stream, put together from the chunks in which it comes. It grows with what has really come, at most to twice
 * that: a peer that announces much and sends nothing costs nothing, and one that sends a byte at a time costs no more than its bytes.
 */
const FIRST_BYTES = 256;
const NOTHING = Buffer.alloc(0);

export class Gathered {
  #bytes: Buffer = NOTHING;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds the bytes of `chunk` from `start` to `end`. It will not be more than `most` bytes in all. */
  append(chunk: Buffer, start: number, end: number, most: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(
        Math.max(length, Math.min(Math.max(2 * this.#bytes.length, FIRST_BYTES), most)),
      );
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#length, start, end);
    this.#length = length;
  }

  /** All of it, which is then no longer here. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = NOTHING;
    this.#length = 0;
    return taken;
  }
}
