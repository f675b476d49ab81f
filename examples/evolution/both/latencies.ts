/** The latest latencies, as many as fit. */

const LATEST = 1_000;

export class Latencies {
  readonly #ring: number[] = [];
  #next = 0;

  add(ms: number): void {
    this.#ring[this.#next] = ms;
    this.#next = (this.#next + 1) % LATEST;
  }

  /** What 99 in 100 of them do not exceed; `undefined` if there is none. */
  get p99Ms(): number | undefined {
    const sorted = this.#ring.toSorted((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.99) - 1];
  }
}
