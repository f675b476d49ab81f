/** The system's monotonic clock, whatever a test makes of the clocks of JavaScript. */
import { libc } from "./library.ts";

const CLOCK_MONOTONIC = 1;
const time = new BigInt64Array(2);
const bytes = new Uint8Array(time.buffer);

/** Milliseconds with fractions since the system was started. */
export function monotonicMs(): number {
  libc().clock_gettime(CLOCK_MONOTONIC, bytes);
  return Number(time[0]) * 1_000 + Number(time[1]) / 1_000_000;
}
