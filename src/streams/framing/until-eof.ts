/** The whole stream is one frame: request and answer of protocols that half-close, the output of a program. */
import { checkOptions } from "../../kernel/check-function.ts";
import { FrameError } from "../errors.ts";
import { asBuffer, byteLength, textOf } from "./frame-text.ts";
import type { Frame, FrameDecoder, Framing } from "./framing.ts";
import { Gathered } from "./gathered.ts";
import { joinFrames } from "./join-frames.ts";
import { checkedLimit, DEFAULT_MAX_FRAME_BYTES, tooLarge } from "./limits.ts";

const NOTHING = Buffer.alloc(0);

/** How large the stream may be. */
export interface UntilEofOptions {
  /** The largest stream that is accepted or sent; by default 16 MiB. */
  readonly maxFrameBytes?: number;
}

/**
 * All bytes up to end-of-file are one frame; if there are none, it is empty. After the one frame that can be sent comes `sendEof`.
 *
 * @throws RangeError if `maxFrameBytes` is not a whole number of at least 1.
 *
 * @example
 * ```ts
 * const document = framed(stream, untilEof());
 * await document.send("a question");
 * await document.sendEof();
 * const answer = await document.receiveText();
 * ```
 */
export function untilEof(options: UntilEofOptions = {}): Framing {
  checkOptions("untilEof", options);
  const maxFrameBytes = checkedLimit(
    "untilEof: expected maxFrameBytes",
    options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES,
  );
  return {
    maxFrameBytes,
    decoder: () => new UntilEofDecoder(maxFrameBytes),
    encode: (frames) => encode(frames, maxFrameBytes),
  };
}

class UntilEofDecoder implements FrameDecoder {
  readonly #maxFrameBytes: number;
  #chunk: Buffer = NOTHING;
  readonly #frame = new Gathered();
  #state: "open" | "ended" | "taken" = "open";

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  push(bytes: Uint8Array): void {
    this.#chunk = asBuffer(bytes);
  }

  nextText(): string | undefined {
    const frame = this.next();
    return frame === undefined ? undefined : textOf(frame, 0, frame.length);
  }

  next(): Buffer | undefined {
    const bytes = this.#frame.length + this.#chunk.length;
    if (bytes > this.#maxFrameBytes) {
      throw new FrameError(
        `receive: more than maxFrameBytes (${this.#maxFrameBytes}) came before end-of-file: raise that limit, or read the stream in parts`,
      );
    }
    this.#frame.append(this.#chunk, 0, this.#chunk.length, this.#maxFrameBytes);
    this.#chunk = NOTHING;
    if (this.#state !== "ended") return undefined;
    this.#state = "taken";
    return this.#frame.take();
  }

  end(): void {
    this.#state = "ended";
  }
}

function encode(frames: readonly Frame[], maxFrameBytes: number): Uint8Array {
  const frame = frames[0] ?? "";
  if (frames.length > 1)
    throw new FrameError(`send: ${frames.length} frames in a stream that is one frame up to its end`);
  const bytes = byteLength(frame);
  if (bytes > maxFrameBytes) throw tooLarge("send", bytes, maxFrameBytes);
  return joinFrames([frame], bytes);
}
