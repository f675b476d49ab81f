/** Frames both ways over a stream: what a protocol of messages begins with. */

import { describe } from "../kernel/check-function.ts";
import { disposed } from "../kernel/dispose.ts";
import { ClosedError } from "../kernel/errors.ts";
import type { ByteStream, Closable } from "./byte-stream.ts";
import { FrameReader } from "./framed-reader.ts";
import type { Frame, Framing } from "./framing/framing.ts";

/** Sends and receives frames. One task may send and one may receive at a time. */
export class FramedStream extends FrameReader implements Closable {
  readonly #stream: ByteStream;
  readonly #framing: Framing;
  #isClosed = false;

  /** Use `framed`. */
  constructor(stream: ByteStream, framing: Framing) {
    super(stream, framing);
    this.#stream = stream;
    this.#framing = framing;
  }

  /**
   * Sends `frames`, all in one write. Always a checkpoint. Atomic under cancellation: all or none.
   *
   * @throws FrameError if one is too large (it names the limit), or is nothing that the framing can carry; none is sent.
   * @throws what `send` of the stream throws.
   */
  send(...frames: readonly Frame[]): Promise<void> {
    for (const frame of frames) {
      if (typeof frame === "string" || frame instanceof Uint8Array) continue;
      return Promise.reject(
        new TypeError(`send: expected frames, each a string or a Uint8Array, got ${describe(frame)}`),
      );
    }
    try {
      return this.#stream.send(this.#framing.encode(frames));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Tells the peer that no more will be sent; receiving goes on. As of the stream. */
  sendEof(): Promise<void> {
    return this.#stream.sendEof();
  }

  /** Closes the stream, as it does itself. Frames that nobody received are gone. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#stream.close();
  }

  abort(): void {
    this.#isClosed = true;
    this.#stream.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  protected override refusal(): Error | undefined {
    return this.#isClosed ? new ClosedError("receive from a stream that this side has closed") : undefined;
  }
}

/**
 * `stream` as frames, both ways; closing it closes the stream.
 *
 * @example
 * ```ts
 * await using messages = framed(await openTcp({ port: 8_000 }), lines());
 * await messages.send("hello", "world");
 * for await (const text of messages.texts()) handle(text);
 * ```
 */
export function framed(stream: ByteStream, framing: Framing): FramedStream {
  return new FramedStream(stream, framing);
}
