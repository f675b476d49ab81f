/**
 * What a framing is: how messages are cut out of a stream of bytes and put into one. No waiting, no streams: a codec.
 *
 *   decoder   push --> next or nextText until `undefined` --> push ... --> end --> next or nextText until `undefined`
 *
 * Rejected: a callback for each frame (nobody could stop between two frames, and so not hold a peer back that sends too fast); an
 * encoder with a state (no framing here needs one).
 */

/** The content of a frame: bytes, or a text that travels as UTF-8. */
export type Frame = string | Uint8Array;

/** Cuts frames out of one stream of bytes. Nothing that a peer sends makes it hold more than about twice what has come of one frame. */
export interface FrameDecoder {
  /** Gives the decoder the next bytes, which must not be changed afterwards. All complete frames must have been taken out before. Never throws. */
  push(bytes: Uint8Array): void;
  /**
   * The next complete frame as text, or `undefined` if more bytes are needed.
   * @throws TypeError if the frame is no UTF-8; it is used up, and the next call goes on after it.
   * @throws FrameError if the bytes break the framing.
   */
  nextText(): string | undefined;
  /**
   * The next complete frame, or `undefined` if more bytes are needed. Its bytes belong to the caller; they may lie in those that
   * were pushed, so whoever keeps a small frame for long copies it.
   * @throws FrameError if the bytes break the framing.
   */
  next(): Uint8Array | undefined;
  /**
   * The bytes have ended; all complete frames must have been taken out before. Where the end of the bytes is what ends a frame, that
   * frame comes next.
   * @throws FrameError if the bytes ended inside a frame.
   */
  end(): void;
}

/** `decoder` may throw `FrameError`; the stream is then out of step, and there is no way to go on. */
export interface Framing {
  /** The largest content of a frame that is accepted or sent. */
  readonly maxFrameBytes: number;
  decoder(): FrameDecoder;
  /**
   * The bytes of `frames`, for one write.
   * @throws FrameError if one is too large (it names the limit), or is nothing that this framing can carry.
   */
  encode(frames: readonly Frame[]): Uint8Array;
}
