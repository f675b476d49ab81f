/**
 * Ticks at a steady pace.
 *
 * A tick is due at a moment that is counted from the one before, never from when somebody came for it, so errors do not add up.
 * The semantics of being late are those of Tokio's `Interval` and its `MissedTickBehavior`: up to 5 ms is the coarseness of timers
 * and no lateness; beyond that, with a period of 50 and somebody who comes for the tick due at 50 only at 120,
 *
 *   burst    50 (at 120), 100 (at 120), 150, 200       all ticks, as fast as possible until it has caught up
 *   delay    50 (at 120), 170, 220                     a whole period after each late tick
 *   skip     50 (at 120), 150, 200                     the missed ones are left out, the rhythm stays
 */
import { quietly } from "../kernel/quiet.ts";
import { currentLoop } from "../kernel/scope.ts";
import { checkpoint, sleep } from "../kernel/sleep.ts";

/** How `interval` goes on after a tick that came late. */
export interface IntervalOptions {
  /** What becomes of ticks that nobody came for in time. By default `"burst"`. */
  readonly late?: "burst" | "delay" | "skip";
}

/** How late a tick may be without being late. */
const TOLERANCE_MS = 5;

type Late = "burst" | "delay" | "skip";

const next: Readonly<Record<Late, (due: number, now: number, ms: number) => number>> = {
  burst: (due, _now, ms) => due + ms,
  delay: (_due, now, ms) => now + ms,
  skip: (due, now, ms) => now + ms - ((now - due) % ms),
};

/**
 * A tick every `ms` milliseconds, the first one at once, for a `for await` loop that runs until it is left or cancelled. Each tick is the moment
 * when it was due, on the loop's clock. The rhythm begins with the loop, and each loop has its own.
 *
 * Each step is a checkpoint. A step that was cancelled has used up no tick.
 *
 * @throws RangeError if `ms` is not more than zero, or `late` is none of the three.
 *
 * @example
 * ```ts
 * for await (const due of interval(1_000, { late: "skip" })) await report(due);
 * ```
 */
export function interval(ms: number, options: IntervalOptions = {}): AsyncIterable<number, never> {
  const { late = "burst" } = options;
  if (!(typeof ms === "number" && ms > 0)) {
    throw new RangeError(`interval: expected a period in milliseconds, more than zero, got ${String(ms)}`);
  }
  if (!Object.hasOwn(next, late)) {
    throw new RangeError(`interval: expected late to be "burst", "delay" or "skip", got ${String(late)}`);
  }
  return { [Symbol.asyncIterator]: () => new Ticks(ms, late) };
}

class Ticks implements AsyncIterator<number, never> {
  readonly #ms: number;
  readonly #late: Late;
  #due: number | undefined;

  constructor(ms: number, late: Late) {
    this.#ms = ms;
    this.#late = late;
  }

  next(): Promise<IteratorResult<number, never>> {
    const loop = currentLoop();
    this.#due ??= loop.time();
    return quietly(async () => {
      const due = this.#due as number;
      const wait = due - loop.time();
      await (wait > 0 ? sleep(wait) : checkpoint());
      const now = loop.time();
      const isLate = now > due + TOLERANCE_MS;
      this.#due = isLate ? next[this.#late](due, now, this.#ms) : due + this.#ms;
      return { value: due, done: false };
    });
  }
}
