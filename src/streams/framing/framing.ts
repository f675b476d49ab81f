/**
 * What a framing is: how messages are cut out of a stream of bytes and put into one. No waiting, no streams: a codec.
 */

export interface FrameDecoder {
  /** Gives the decoder the next bytes. All complete frames must have been taken out before. */
  push(bytes: Uint8Array): void;
  /**
   * The next complete frame as text, or `undefined` if more bytes are needed.
   * @throws TypeError if the frame is no UTF-8; it is used up, and the next call goes on after it.
   */
  nextText(): string | undefined;
  /** The next complete frame, a view that is valid until the next call, or `undefined` if more bytes are needed. */
  next(): Uint8Array | undefined;
  /**
   * The bytes have ended.
   * @throws FrameError if that was inside a frame.
   */
  end(): void;
}

/** `decoder` may throw `FrameError`; the stream is then out of step, and there is no way to go on. */
export interface Framing {
  readonly maxFrameBytes: number;
  decoder(): FrameDecoder;
  /**
   * The bytes of `texts`, a frame each, for one write.
   * @throws FrameError if one is too large; it names the limit.
   */
  encode(texts: readonly string[]): Uint8Array;
}
