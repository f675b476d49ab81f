/** Frames as text and texts as frames: strict about UTF-8 on the way in, and at the speed of Node's own decoder. */
import type { Frame } from "./framing.ts";

/** What a decoder puts in place of bytes that are no UTF-8. */
const REPLACEMENT = "\ufffd";
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of `bytes` from `start` to `end`; a byte order mark is kept.
 * @throws TypeError if they are no UTF-8.
 */
export function textOf(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start, end);
  // Decoding puts U+FFFD in place of what is no UTF-8; whether it stood there from the start is for the strict decoder to say.
  return text.includes(REPLACEMENT) ? strictUtf8.decode(bytes.subarray(start, end)) : text;
}

/** `bytes` with the methods of a `Buffer`, the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How many bytes `frame` has. */
export function byteLength(frame: Frame): number {
  return typeof frame === "string" ? Buffer.byteLength(frame) : frame.length;
}

/** Writes `frame` into `target` at `at`; returns how many bytes that took. */
export function writeFrame(target: Buffer, frame: Frame, at: number): number {
  if (typeof frame === "string") return target.write(frame, at);
  target.set(frame, at);
  return frame.length;
}
