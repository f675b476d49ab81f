/** The limits of framings: their defaults, their check, and the errors that name them. */
import { FrameError } from "../errors.ts";

export const DEFAULT_MAX_FRAME_BYTES: number = 16 * 1024 * 1024;

/** @throws RangeError if `value` is not a whole number from 1 to `largest`. */
export function checkedLimit(name: string, value: number, largest: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= 1 && value <= largest) return value;
  throw new RangeError(`${name} from 1 to ${largest}, got ${String(value)}`);
}

export function tooLarge(doing: "send" | "receive", bytes: number, maxFrameBytes: number): FrameError {
  return new FrameError(
    `${doing}: a frame of ${bytes} bytes is larger than maxFrameBytes (${maxFrameBytes}): raise that limit on both sides, or send less at once`,
  );
}
