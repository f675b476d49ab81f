/**
 * Frames behind their length: by default a signed 32-bit big-endian integer, then that many bytes.
 *
 * A decoder holds at most one incomplete frame. It grows with what has really arrived, so that a
 * peer which announces a large frame and sends none of it costs nothing, and one that sends a byte at a time costs no more
 * than its bytes. There are two: this one for the usual length, and a general one.
 *
 *   between frames --header or body incomplete--> in a frame (`partial` fills up to `wanted`) --complete--> between frames
 */
import { isAscii } from "node:buffer";
import { checkOptions } from "../../kernel/check-function.ts";
import { asBuffer, textOf } from "./frame-text.ts";
import type { Frame, FrameDecoder, Framing } from "./framing.ts";
import { INT32_BE, type LengthPrefix, lengthPrefix } from "./length-prefix.ts";
import { checkedLimit, DEFAULT_MAX_FRAME_BYTES, tooLarge } from "./limits.ts";
import { checkedLength, endedInside, PrefixedDecoder } from "./prefixed-decoder.ts";

const HEADER_BYTES = 4;
const FIRST_PARTIAL_BYTES = 256;
const NOTHING = Buffer.alloc(0);

/** How the length is written, and the largest one. */
export interface LengthPrefixedOptions {
  /** How many bytes the length has; by default 4. */
  readonly lengthBytes?: 1 | 2 | 4;
  /** Which end of the length comes first; by default the big one. */
  readonly endian?: "big" | "little";
  /** Whether the length is a signed integer, which halves what it can say; by default it is. DNS over TCP and most binary protocols have it unsigned. */
  readonly signed?: boolean;
  /** The largest body that is accepted or sent; by default 16 MiB, or the most that the length can say. */
  readonly maxFrameBytes?: number;
}

/**
 * The framing of the original JSON-RPC server: int32 big-endian length, then the body. Other integers on request. The bytes may end between
 * two frames; inside of one, that is a `FrameError`.
 *
 * @throws RangeError if `maxFrameBytes` is not a whole number from 1 to the largest that the length can say, or there is no such integer.
 *
 * @example
 * ```ts
 * const dns = lengthPrefixed({ lengthBytes: 2, signed: false });
 * ```
 */
export function lengthPrefixed(options: LengthPrefixedOptions = {}): Framing {
  checkOptions("lengthPrefixed", options);
  const { lengthBytes = 4, endian = "big", signed = true } = options;
  const prefix = lengthPrefix(lengthBytes, endian, signed);
  const maxFrameBytes = checkedLimit(
    "lengthPrefixed: expected maxFrameBytes",
    options.maxFrameBytes ?? Math.min(DEFAULT_MAX_FRAME_BYTES, prefix.largest),
    prefix.largest,
  );
  return {
    maxFrameBytes,
    decoder: () => (prefix === INT32_BE ? new Int32Decoder(maxFrameBytes) : new PrefixedDecoder(prefix, maxFrameBytes)),
    encode: (frames) => encode(frames, prefix, maxFrameBytes),
  };
}

/** Where frames are put together before they are copied out (so that no text need be measured first), or taken apart. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);
const LARGEST_KEPT_SCRATCH_BYTES = 1024 * 1024;

function encode(frames: readonly Frame[], prefix: LengthPrefix, maxFrameBytes: number): Uint8Array {
  let used = 0;
  for (const frame of frames) {
    const body = used + prefix.bytes;
    let bytes: number;
    if (typeof frame === "string") {
      // A unit of UTF-16 becomes three bytes at the most.
      makeRoom(used, body + frame.length * 3);
      bytes = scratch.write(frame, body);
    } else {
      makeRoom(used, body + frame.length);
      scratch.set(frame, body);
      bytes = frame.length;
    }
    if (bytes > maxFrameBytes) throw tooLarge("send", bytes, maxFrameBytes);
    prefix.write(scratch, bytes, used);
    used = body + bytes;
  }
  const encoded = Buffer.allocUnsafe(used);
  scratch.copy(encoded, 0, 0, used);
  if (scratch.length > LARGEST_KEPT_SCRATCH_BYTES) scratch = Buffer.allocUnsafeSlow(64 * 1024);
  return encoded;
}

/** Makes the scratch memory reach up to `end`, and keeps what is `used` of it. */
function makeRoom(used: number, end: number): void {
  if (end <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * scratch.length));
  scratch.copy(larger, 0, 0, used);
  scratch = larger;
}

/**
 * The decoder of the usual length, with the size of the header for a constant and many small texts decoded in one go: worth a twentieth and
 * three quarters of the decoding of small frames.
 */
class Int32Decoder implements FrameDecoder {
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
    this.#chunk = asBuffer(bytes);
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
    return textOf(this.#frame, this.#start, this.#end);
  }

  end(): void {
    if (this.#filled === 0) return;
    throw endedInside(this.#filled, this.#wanted, HEADER_BYTES);
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
      const length = checkedLength(this.#chunk.readInt32BE(this.#at), this.#maxFrameBytes);
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
    if (this.#filled <= HEADER_BYTES) {
      this.#wanted = HEADER_BYTES;
      if (!this.#copy()) return false;
      this.#wanted = HEADER_BYTES + checkedLength(this.#partial.readInt32BE(0), this.#maxFrameBytes);
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
}
