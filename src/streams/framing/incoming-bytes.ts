/**
 * The bytes that a decoder takes its pieces from: the newest chunk, and before it what has come of a piece that is not complete.
 *
 * A piece that lies in one chunk is a window into it; only one that is spread over several is copied.
 */
import { asBuffer } from "./frame-text.ts";
import { Gathered } from "./gathered.ts";

const NOTHING = Buffer.alloc(0);

export class IncomingBytes {
  /** Those before `at` are used up. */
  #chunk: Buffer = NOTHING;
  #at = 0;
  readonly #piece = new Gathered();

  /** How much of the next piece is kept. */
  get pending(): number {
    return this.#piece.length;
  }

  push(bytes: Uint8Array): void {
    this.#chunk = asBuffer(bytes);
    this.#at = 0;
  }

  /** The next `count` bytes; `undefined`, if they have not all come. */
  take(count: number): Buffer | undefined {
    const at = this.#at;
    this.#at = Math.min(at + count - this.#piece.length, this.#chunk.length);
    if (this.#at - at === count) return this.#chunk.subarray(at, this.#at);
    this.#piece.append(this.#chunk, at, this.#at, count);
    return this.#piece.length === count ? this.#piece.take() : undefined;
  }

  /**
   * What comes up to `byte`, and it; `undefined`, if it has not come.
   * @throws what `overrun` gives, as soon as that is more than `most` bytes.
   */
  takeThrough(byte: number, most: number, overrun: () => Error): Buffer | undefined {
    const at = this.#at;
    const found = this.#chunk.indexOf(byte, at);
    const end = found === -1 ? this.#chunk.length : found + 1;
    const count = this.#piece.length + end - at;
    if (count > most) throw overrun();
    this.#at = end;
    if (found !== -1 && this.#piece.length === 0) return this.#chunk.subarray(at, end);
    this.#piece.append(this.#chunk, at, end, most);
    return found === -1 ? undefined : this.#piece.take();
  }

  /** What there is of the piece that is not complete. */
  takePending(): Buffer {
    return this.#piece.take();
  }
}
