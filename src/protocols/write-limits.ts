/** The marks of a write buffer as users set them, checked, and the one that is not given taken from the other. After asyncio's. */
import { describe } from "../kernel/check-function.ts";
import type { WriteBufferLimits } from "../kernel/network.ts";

const HIGH_BYTES = 64 * 1024;
/** How many times `low` is `high`, where only one of them is given. */
const RATIO = 4;

/** @throws RangeError if a mark is no number of bytes, or `low` is above `high`. */
export function writeLimits({ high, low }: Partial<WriteBufferLimits>): WriteBufferLimits {
  for (const [name, mark] of [
    ["high", high],
    ["low", low],
  ] as const) {
    if (mark !== undefined && !(typeof mark === "number" && mark >= 0))
      throw new RangeError(
        `setWriteBufferLimits: ${name}: expected a number of bytes, zero or more, got ${describe(mark)}`,
      );
  }
  const upper = high ?? (low === undefined ? HIGH_BYTES : RATIO * low);
  const lower = low ?? Math.floor(upper / RATIO);
  if (lower > upper) {
    throw new RangeError(
      `setWriteBufferLimits: low (${lower}) is above high (${upper}): the protocol would never be told to resume`,
    );
  }
  return { high: upper, low: lower };
}
