/**
 * Frames behind a length of any kind. (The usual length has a faster decoder of its own.)
 *
 *   in the length (`wanted` unknown) --complete--> in the body (`wanted` bytes) --complete--> in the next length
 */
import { FrameError } from "../errors.ts";
import { textOf } from "./frame-text.ts";
import type { FrameDecoder } from "./framing.ts";
import { IncomingBytes } from "./incoming-bytes.ts";
import type { LengthPrefix } from "./length-prefix.ts";
import { tooLarge } from "./limits.ts";

export class PrefixedDecoder implements FrameDecoder {
  readonly #prefix: LengthPrefix;
  readonly #maxFrameBytes: number;
  readonly #incoming = new IncomingBytes();
  /** The length of the body, when it is known. */
  #wanted: number | undefined;

  constructor(prefix: LengthPrefix, maxFrameBytes: number) {
    this.#prefix = prefix;
    this.#maxFrameBytes = maxFrameBytes;
  }

  push(bytes: Uint8Array): void {
    this.#incoming.push(bytes);
  }

  nextText(): string | undefined {
    const body = this.next();
    return body === undefined ? undefined : textOf(body, 0, body.length);
  }

  next(): Buffer | undefined {
    if (this.#wanted === undefined) {
      const header = this.#incoming.take(this.#prefix.bytes);
      if (header === undefined) return undefined;
      this.#wanted = this.#prefix.read(header, 0);
    }
    const body = this.#incoming.take(checkedLength(this.#wanted, this.#maxFrameBytes));
    if (body !== undefined) this.#wanted = undefined;
    return body;
  }

  end(): void {
    const headerBytes = this.#prefix.bytes;
    const headerFilled = this.#wanted === undefined ? 0 : headerBytes;
    const filled = headerFilled + this.#incoming.pending;
    if (filled > 0) throw endedInside(filled, headerBytes + (this.#wanted ?? 0), headerBytes);
  }
}

/** @throws FrameError if a frame must not be that long. */
export function checkedLength(length: number, maxFrameBytes: number): number {
  if (length < 0) throw new FrameError(`a frame announces ${length} bytes: a length cannot be negative`);
  if (length > maxFrameBytes) throw tooLarge("receive", length, maxFrameBytes);
  return length;
}

export function endedInside(filled: number, wanted: number, headerBytes: number): FrameError {
  const part = filled < headerBytes ? "length" : "body";
  return new FrameError(
    `the stream ended inside a frame: ${filled} of ${wanted} bytes of its ${part} (with the length) had come`,
  );
}
