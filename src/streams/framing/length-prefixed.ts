/**
 * Frames behind their length: a signed 32-bit big-endian integer, then that many bytes.
 *
 * The decoder holds at most one incomplete frame. It grows with what has really arrived, so that a
 * peer which announces a large frame and sends none of it costs nothing, and one that sends a byte at a time costs no more
 * than its bytes.
 *
 *   between frames --header or body incomplete--> in a frame (`partial` fills up to `wanted`) --complete--> between frames
 */
import { isAscii } from "node:buffer";
import { FrameError } from "../errors.ts";
import type { FrameDecoder, Framing } from "./framing.ts";

const HEADER_BYTES = 4;
export const DEFAULT_MAX_FRAME_BYTES: number = 16 * 1024 * 1024;
const FIRST_PARTIAL_BYTES = 256;
const NOTHING = Buffer.alloc(0);
/** What a decoder puts in place of bytes that are no UTF-8. */
const REPLACEMENT = "\ufffd";
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export interface LengthPrefixedOptions {
  /** The largest body that is accepted or sent; by default 16 MiB. */
  readonly maxFrameBytes?: number;
}

/**
 * The framing of the original JSON-RPC server: int32 big-endian length, then the body.
 *
 * @throws RangeError if `maxFrameBytes` is not a whole number from 1 to 2^31 - 1.
 */
export function lengthPrefixed(options: LengthPrefixedOptions = {}): Framing {
  const maxFrameBytes = options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES;
  if (!(Number.isInteger(maxFrameBytes) && maxFrameBytes >= 1 && maxFrameBytes < 2 ** 31)) {
    throw new RangeError(`lengthPrefixed: expected maxFrameBytes from 1 to 2147483647, got ${String(maxFrameBytes)}`);
  }
  return {
    maxFrameBytes,
    decoder: () => new LengthPrefixedDecoder(maxFrameBytes),
    encode: (texts) => encode(texts, maxFrameBytes),
  };
}

/** Where frames are put together before they are copied out (so that no text need be measured first), or taken apart. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);
const LARGEST_KEPT_SCRATCH_BYTES = 1024 * 1024;

function encode(texts: readonly string[], maxFrameBytes: number): Uint8Array {
  let used = 0;
  for (const text of texts) {
    // A unit of UTF-16 becomes three bytes at the most.
    const end = used + HEADER_BYTES + text.length * 3;
    if (end > scratch.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * scratch.length));
      scratch.copy(larger, 0, 0, used);
      scratch = larger;
    }
    const bytes = scratch.write(text, used + HEADER_BYTES);
    if (bytes > maxFrameBytes) throw tooLarge("send", bytes, maxFrameBytes);
    scratch.writeInt32BE(bytes, used);
    used += HEADER_BYTES + bytes;
  }
  const frames = Buffer.allocUnsafe(used);
  scratch.copy(frames, 0, 0, used);
  if (scratch.length > LARGEST_KEPT_SCRATCH_BYTES) scratch = Buffer.allocUnsafeSlow(64 * 1024);
  return frames;
}

class LengthPrefixedDecoder implements FrameDecoder {
  readonly #maxFrameBytes: number;
  /** The newest bytes; those before `at` are used up. */
  #chunk: Buffer = NOTHING;
  #at = 0;
  /** An incomplete frame with its header: `filled` bytes of `wanted`. */
  #partial: Buffer = NOTHING;
  #filled = 0;
  #wanted = HEADER_BYTES;
  /** The chunk from `textAt` on as text, where that was tried and is ASCII. */
  #text: string | undefined;
  #textAt = 0;
  #isTextTried = false;
  /** Where the frame that `advance` found lies. */
  #frame: Buffer = NOTHING;
  #start = 0;
  #end = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  push(bytes: Uint8Array): void {
    this.#chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#text = undefined;
    this.#isTextTried = false;
  }

  next(): Uint8Array | undefined {
    return this.#advance() ? this.#frame.subarray(this.#start, this.#end) : undefined;
  }

  nextText(): string | undefined {
    if (!this.#advance()) return undefined;
    if (this.#frame === this.#chunk) {
      if (!this.#isTextTried) this.#decodeRest();
      if (this.#text !== undefined) return this.#text.substring(this.#start - this.#textAt, this.#end - this.#textAt);
    }
    const text = this.#frame.toString("utf8", this.#start, this.#end);
    // Decoding puts U+FFFD in place of what is no UTF-8; whether it stood there from the start is for the strict decoder to say.
    if (text.includes(REPLACEMENT)) return strictUtf8.decode(this.#frame.subarray(this.#start, this.#end));
    return text;
  }

  end(): void {
    if (this.#filled === 0) return;
    const part = this.#filled < HEADER_BYTES ? "length" : "body";
    throw new FrameError(
      `the stream ended inside a frame: ${this.#filled} of ${this.#wanted} bytes of its ${part} (with the length) had come`,
    );
  }

  /**
   * Decodes the chunk from this frame on as one text, if more frames follow and all are ASCII, as most JSON is: a call of the decoder
   * for each small frame would cost as much as parsing it. The lengths between the frames may be any bytes and are blanked in a copy.
   */
  #decodeRest(): void {
    this.#isTextTried = true;
    const count = this.#chunk.length - this.#start;
    if (this.#end === this.#chunk.length || count > scratch.length) return;
    this.#chunk.copy(scratch, 0, this.#start);
    for (let at = this.#end - this.#start; at + HEADER_BYTES <= count; ) {
      const length = scratch.readInt32BE(at);
      scratch.writeInt32BE(0, at);
      if (length < 0 || length > count) break;
      at += HEADER_BYTES + length;
    }
    if (!isAscii(scratch.subarray(0, count))) return;
    this.#text = scratch.toString("latin1", 0, count);
    this.#textAt = this.#start;
  }

  #advance(): boolean {
    if (this.#filled > 0) return this.#fill();
    const left = this.#chunk.length - this.#at;
    if (left >= HEADER_BYTES) {
      const length = this.#checked(this.#chunk.readInt32BE(this.#at));
      if (left >= HEADER_BYTES + length) {
        this.#frame = this.#chunk;
        this.#start = this.#at + HEADER_BYTES;
        this.#end = this.#start + length;
        this.#at = this.#end;
        return true;
      }
    }
    return left > 0 && this.#fill();
  }

  /** Moves bytes into the incomplete frame; true if that completes it. */
  #fill(): boolean {
    if (this.#filled < HEADER_BYTES) {
      this.#wanted = HEADER_BYTES;
      if (!this.#copy()) return false;
      this.#wanted = HEADER_BYTES + this.#checked(this.#partial.readInt32BE(0));
    }
    if (!this.#copy()) return false;
    this.#frame = this.#partial;
    this.#start = HEADER_BYTES;
    this.#end = this.#wanted;
    this.#partial = NOTHING;
    this.#filled = 0;
    return true;
  }

  /** Copies up to `wanted` bytes; true if it has them all. */
  #copy(): boolean {
    const count = Math.min(this.#wanted - this.#filled, this.#chunk.length - this.#at);
    if (this.#filled + count > this.#partial.length) {
      const size = Math.min(
        Math.max(2 * this.#partial.length, this.#filled + count, FIRST_PARTIAL_BYTES),
        this.#wanted,
      );
      const larger = Buffer.allocUnsafe(Math.max(size, this.#filled + count));
      this.#partial.copy(larger, 0, 0, this.#filled);
      this.#partial = larger;
    }
    this.#chunk.copy(this.#partial, this.#filled, this.#at, this.#at + count);
    this.#filled += count;
    this.#at += count;
    return this.#filled === this.#wanted;
  }

  #checked(length: number): number {
    if (length < 0) throw new FrameError(`a frame announces ${length} bytes: a length cannot be negative`);
    if (length > this.#maxFrameBytes) throw tooLarge("receive", length, this.#maxFrameBytes);
    return length;
  }
}

function tooLarge(doing: "send" | "receive", bytes: number, maxFrameBytes: number): FrameError {
  return new FrameError(
    `${doing}: a frame of ${bytes} bytes is larger than maxFrameBytes (${maxFrameBytes}): raise that limit on both sides, or send less at once`,
  );
}
