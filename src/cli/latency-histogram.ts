/**
 * Counts of durations in buckets that widen with the value: constant space however many are counted, and quantiles
 * that are never too low and at most 1/64 (and a microsecond) too high.
 *
 * Log-linear, as HdrHistogram has it: microseconds below 128 have a bucket each; above, each power of two is cut into 64.
 */

const EXACT = 128;
const STEPS = 64;
/** The exponent of the last power of two: 2^31 microseconds begin at 36 minutes, and longer ones are counted there. */
const LAST_EXPONENT = 31;
const FIRST_EXPONENT = 7;
const BUCKETS = EXACT + (LAST_EXPONENT - FIRST_EXPONENT + 1) * STEPS;
const LARGEST_US = 2 ** (LAST_EXPONENT + 1) - 1;

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  /** The largest duration itself; 0 if there is none. */
  get maxMs(): number {
    return this.#maxMs;
  }

  add(ms: number): void {
    const bucket = bucketOf(Math.min(Math.ceil(ms * 1_000), LARGEST_US));
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#count++;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** The duration, in milliseconds, that `fraction` of all do not exceed; `undefined` if there is none. */
  quantileMs(fraction: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= rank)
        return bucket === BUCKETS - 1 ? this.#maxMs : Math.min(upperEdgeUs(bucket) / 1_000, this.#maxMs);
    }
    return this.#maxMs;
  }
}

function bucketOf(us: number): number {
  if (us < EXACT) return us;
  const exponent = 31 - Math.clz32(us);
  return EXACT + (exponent - FIRST_EXPONENT) * STEPS + (us >>> (exponent - 6)) - STEPS;
}

/** The largest whole number of microseconds that the bucket holds. */
function upperEdgeUs(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const octave = Math.floor((bucket - EXACT) / STEPS);
  const step = (bucket - EXACT) % STEPS;
  return (STEPS + step + 1) * 2 ** (octave + 1) - 1;
}
