/**
 * A frame a line: JSON lines, MCP on standard input and output, most protocols that people type.
 *
 * A line ends in `\n` or `\r\n`. A `\r` anywhere else belongs to the line, so that nothing need be known about the byte that has not
 * come yet, and the frames do not depend on how the bytes are cut. No other character ends a line.
 */
import { checkOptions } from "../../kernel/check-function.ts";
import { FrameError } from "../errors.ts";
import { byteLength, textOf } from "./frame-text.ts";
import type { Frame, FrameDecoder, Framing } from "./framing.ts";
import { IncomingBytes } from "./incoming-bytes.ts";
import { joinFrames } from "./join-frames.ts";
import { checkedLimit, DEFAULT_MAX_FRAME_BYTES } from "./limits.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** How long a line may be, and what the last one is. */
export interface LinesOptions {
  /** The longest line that is accepted or sent, without its end; by default 16 MiB. */
  readonly maxLineBytes?: number;
  /**
   * What a last line is that lacks its end: a `"frame"` (by default: so ends what people pipe in, and many files), or an `"error"`, where a
   * line that was cut off could be taken for another.
   */
  readonly unterminated?: "frame" | "error";
}

/**
 * Lines of UTF-8 that end in `\n` or `\r\n`, a frame each; an empty line is an empty frame. Sent with `\n`. What contains `\n` or ends in `\r`
 * would come out as something else, and is not sent: a `FrameError`. With `unterminated: "error"`, bytes that end inside a line are one too.
 *
 * @throws RangeError if `maxLineBytes` is not a whole number of at least 1, or `unterminated` is neither of the two.
 *
 * @example
 * ```ts
 * const messages = framed(stream, lines({ maxLineBytes: 64 * 1024 }));
 * await messages.send(JSON.stringify({ hello: "world" }));
 * ```
 */
export function lines(options: LinesOptions = {}): Framing {
  checkOptions("lines", options);
  const { unterminated = "frame" } = options;
  const maxLineBytes = checkedLimit("lines: expected maxLineBytes", options.maxLineBytes ?? DEFAULT_MAX_FRAME_BYTES);
  if (unterminated !== "frame" && unterminated !== "error") {
    throw new RangeError(`lines: expected unterminated to be "frame" or "error", got ${String(unterminated)}`);
  }
  return {
    maxFrameBytes: maxLineBytes,
    decoder: () => new LinesDecoder(maxLineBytes, unterminated),
    encode: (frames) => encode(frames, maxLineBytes),
  };
}

class LinesDecoder implements FrameDecoder {
  readonly #maxLineBytes: number;
  readonly #unterminated: "frame" | "error";
  readonly #incoming = new IncomingBytes();
  #last: Buffer | undefined;

  constructor(maxLineBytes: number, unterminated: "frame" | "error") {
    this.#maxLineBytes = maxLineBytes;
    this.#unterminated = unterminated;
  }

  push(bytes: Uint8Array): void {
    this.#incoming.push(bytes);
  }

  nextText(): string | undefined {
    const line = this.next();
    return line === undefined ? undefined : textOf(line, 0, line.length);
  }

  next(): Buffer | undefined {
    const last = this.#last;
    if (last !== undefined) {
      this.#last = undefined;
      return last;
    }
    const whole = this.#incoming.takeThrough(LINE_FEED, this.#maxLineBytes + 2, this.#tooLong);
    if (whole === undefined) return undefined;
    const end = whole.length - (whole[whole.length - 2] === CARRIAGE_RETURN ? 2 : 1);
    if (end > this.#maxLineBytes) throw this.#tooLong();
    return whole.subarray(0, end);
  }

  end(): void {
    const { pending } = this.#incoming;
    if (pending === 0) return;
    if (pending > this.#maxLineBytes) throw this.#tooLong();
    if (this.#unterminated === "error") {
      throw new FrameError(`the stream ended inside a line: ${pending} bytes had come, and no line feed`);
    }
    this.#last = this.#incoming.takePending();
  }

  readonly #tooLong = (): FrameError =>
    new FrameError(
      `receive: a line is longer than maxLineBytes (${this.#maxLineBytes}): raise that limit, or make the peer send shorter lines`,
    );
}

function encode(frames: readonly Frame[], maxLineBytes: number): Uint8Array {
  const parts: Frame[] = [];
  let total = 0;
  for (const frame of frames) {
    const bytes = byteLength(frame);
    if (bytes > maxLineBytes) {
      throw new FrameError(
        `send: a line of ${bytes} bytes is longer than maxLineBytes (${maxLineBytes}): raise that limit on both sides, or send less at once`,
      );
    }
    checkOneLine(frame);
    parts.push(frame, "\n");
    total += bytes + 1;
  }
  return joinFrames(parts, total);
}

function checkOneLine(frame: Frame): void {
  const isText = typeof frame === "string";
  const at = isText ? frame.indexOf("\n") : frame.indexOf(LINE_FEED);
  if (at !== -1) throw new FrameError(`send: there is a line feed inside the line, at ${at}: a frame is one line`);
  if (isText ? frame.endsWith("\r") : frame.at(-1) === CARRIAGE_RETURN) {
    throw new FrameError("send: the line ends in a carriage return, which would be taken for a part of its end");
  }
}
