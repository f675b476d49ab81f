const bucketWidth = Math.log(1.02);

/** Counts durations in buckets that are 2 % wide, from a microsecond to minutes, in constant space. */
export class Histogram {
  readonly #counts = new Float64Array(1_000);
  #total = 0;

  add(ms: number): void {
    const wanted = Math.floor(Math.log(Math.max(ms * 1_000, 1)) / bucketWidth);
    const bucket = Math.min(wanted, this.#counts.length - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** The upper edge, in milliseconds, of the bucket that holds this fraction. */
  quantile(fraction: number): number {
    const wanted = Math.max(1, Math.ceil(this.#total * fraction));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= wanted) return Math.exp((bucket + 1) * bucketWidth) / 1_000;
    }
    return Number.NaN;
  }
}
