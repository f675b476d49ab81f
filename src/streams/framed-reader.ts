/**
 * The frames of a stream, one after the other.
 *
 *   open --end-of-file--> ended (frames that are still in the decoder, then `undefined`)
 *        --FrameError---> failed (the same error for every further call: the stream is out of step)
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { BusyError } from "../kernel/errors.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ReceiveStream } from "./byte-stream.ts";
import { checkStream } from "./check-stream.ts";
import { ChunkIterator } from "./chunk-iterator.ts";
import { FrameError } from "./errors.ts";
import type { FrameDecoder, Framing } from "./framing/framing.ts";

/** Gives the frames of a stream. One task may receive at a time. Leaving a loop closes nothing; a later one goes on where it was. */
export class FrameReader implements AsyncIterable<Uint8Array> {
  readonly #stream: ReceiveStream;
  readonly #decoder: FrameDecoder;
  #state: "open" | "receiving" | "ended" | { readonly failure: FrameError } = "open";

  /** Use `readFrames`, or `framed`. */
  constructor(stream: ReceiveStream, framing: Framing) {
    checkStream("frames: stream", stream, "receive");
    checkStream("frames: framing", framing, "decoder", "encode");
    this.#stream = stream;
    this.#decoder = framing.decoder();
  }

  /**
   * The next frame, or `undefined` at end-of-file. Its bytes belong to the caller. Always a checkpoint; cancelled, nothing is lost.
   *
   * @throws FrameError if the bytes break the framing or end inside a frame; what came whole before is delivered first.
   * @throws BusyError if another task is receiving.
   * @throws what `receive` of the stream throws.
   */
  receive(): Promise<Uint8Array | undefined> {
    return this.#receive(() => this.#decoder.next());
  }

  /**
   * The next frame as text, or `undefined` at end-of-file. As `receive`.
   *
   * @throws TypeError if the frame is no UTF-8; it is used up, and the next call goes on after it.
   */
  receiveText(): Promise<string | undefined> {
    return this.#receive(() => this.#decoder.nextText());
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array, undefined> {
    return new ChunkIterator(this);
  }

  /** The frames as texts, for a loop. */
  texts(): AsyncIterableIterator<string, undefined> {
    return new ChunkIterator({ receive: () => this.receiveText() });
  }

  /** For subclasses: why nothing is received any more. */
  protected refusal(): Error | undefined {
    return undefined;
  }

  #receive<T>(next: () => T | undefined): Promise<T | undefined> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.#receive(next));
    const refusal = this.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const state = this.#state;
    if (state === "receiving") {
      return Promise.reject(new BusyError("another task is receiving these frames: give one task the receiving"));
    }
    if (typeof state === "object") return Promise.reject(state.failure);
    try {
      const frame = this.#decoded(next);
      if (frame !== undefined || state === "ended") return Promise.resolve(frame);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#state = "receiving";
    return quietly(async () => {
      try {
        for (;;) {
          const bytes = await this.#stream.receive();
          const frame = this.#decoded(() => {
            if (bytes === undefined) {
              this.#decoder.end();
              // Before the last frame is taken, which may be no text: the end is told to the decoder once.
              this.#state = "ended";
            } else this.#decoder.push(bytes);
            return next();
          });
          if (frame !== undefined || bytes === undefined) return frame;
        }
      } finally {
        if (this.#state === "receiving") this.#state = "open";
      }
    });
  }

  /** What `decode` gives; that it broke the framing is remembered. */
  #decoded<T>(decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      if (error instanceof FrameError) this.#state = { failure: error };
      throw error;
    }
  }
}

/**
 * The frames of `stream`, as an async iterable, or one at a time. It has the receiving side of the stream for itself: it may have taken
 * more than the frames that it gave.
 *
 * @example
 * ```ts
 * for await (const line of readFrames(stream, lines()).texts()) handle(line);
 * ```
 */
export function readFrames(stream: ReceiveStream, framing: Framing): FrameReader {
  return new FrameReader(stream, framing);
}
