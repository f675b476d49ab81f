/**
 * Bytes in a row: in at the end, out at the front.
 *
 * What is taken out is a window into this memory, and belongs to the taker: memory is written to only behind everything that was ever
 * put in. A chunk that comes while nothing is here is not copied; others are, each byte about twice, however small the chunks.
 */
import { asBuffer } from "./framing/frame-text.ts";

const NOTHING = Buffer.alloc(0);

export class BufferedBytes {
  #memory: Buffer = NOTHING;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  push(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.#hold(asBuffer(chunk), chunk.length);
      return;
    }
    // Behind the end of a chunk that was not copied there is no room.
    if (this.#end + chunk.length > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.length, this.length + chunk.length));
      this.#memory.copy(larger, 0, this.#start, this.#end);
      this.#hold(larger, this.length);
    }
    this.#memory.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Puts `chunk` before all that is here. */
  unshift(chunk: Uint8Array): void {
    const rest = this.take(this.length);
    this.push(chunk);
    this.push(rest);
  }

  /** The first `count` bytes, or all if there are fewer, which stay here. */
  peek(count: number): Buffer {
    return this.#memory.subarray(this.#start, Math.min(this.#start + count, this.#end));
  }

  /** The first `count` bytes, or all if there are fewer. */
  take(count: number): Buffer {
    const taken = this.peek(count);
    this.#start += taken.length;
    if (this.#start === this.#end) this.#hold(NOTHING, 0);
    return taken;
  }

  /** Where `bytes` begin, looked for from `from` on; -1 if they are not here. */
  indexOf(bytes: Uint8Array | number, from: number): number {
    return this.#memory.subarray(this.#start, this.#end).indexOf(bytes, from);
  }

  #hold(memory: Buffer, length: number): void {
    this.#memory = memory;
    this.#start = 0;
    this.#end = length;
  }
}
