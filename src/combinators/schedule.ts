/**
 * When to try again: a rule that gives the delay before each retry, or none when enough was tried.
 *
 * A schedule is immutable and holds no state, so one constant serves every call. What is chained applies from left to right: a cap before
 * a jitter or after it is the difference, and as a jitter only ever shortens, a cap holds either way.
 */
import { checkDuration } from "../kernel/scopes.ts";

/** The delay in milliseconds before the retry with this number, counted from 0; `undefined`: no more. `random` is uniform in [0, 1). */
type Rule = (retry: number, random: () => number) => number | undefined;

/**
 * How long to wait before each retry, and how often to try.
 *
 * @example
 * ```ts
 * const politely = Schedule.exponential(100).capped(10_000).jittered().recurs(5);
 * const page = await retry(() => load(url), politely);
 * ```
 */
export class Schedule {
  readonly #rule: Rule;

  private constructor(rule: Rule) {
    this.#rule = rule;
  }

  /**
   * The same delay before every retry, for ever.
   *
   * @throws RangeError if `ms` is negative or `NaN`.
   */
  static fixed(ms: number): Schedule {
    check("Schedule.fixed", ms);
    return new Schedule(() => ms);
  }

  /**
   * `baseMs` before the first retry, and `factor` times the last delay before each further one, for ever.
   *
   * @throws RangeError if `baseMs` is negative or `NaN`, or `factor` is not a finite number from 1.
   */
  static exponential(baseMs: number, factor = 2): Schedule {
    check("Schedule.exponential", baseMs);
    if (!(factor >= 1 && factor < Infinity)) {
      throw new RangeError(`Schedule.exponential: expected a factor of one or more, got ${String(factor)}`);
    }
    return new Schedule((retry) => (baseMs === 0 ? 0 : baseMs * factor ** retry));
  }

  /**
   * Takes a random part off each delay, up to `share` of it, so that many who failed together do not come back together. 1 draws from all
   * of it. Drawn by the event loop, so a seeded virtual run repeats it.
   *
   * @throws RangeError if `share` is not within 0 and 1.
   */
  jittered(share = 0.5): Schedule {
    if (!(share >= 0 && share <= 1)) {
      throw new RangeError(`Schedule.jittered: expected a share from 0 to 1, got ${String(share)}`);
    }
    return this.#then((ms, random) => ms * (1 - share * random()));
  }

  /**
   * No delay longer than `ms`.
   *
   * @throws RangeError if `ms` is negative or `NaN`.
   */
  capped(ms: number): Schedule {
    check("Schedule.capped", ms);
    return this.#then((delay) => Math.min(delay, ms));
  }

  /**
   * At most `retries` retries: that many calls after the first one.
   *
   * @throws RangeError if `retries` is no whole number from 0.
   */
  recurs(retries: number): Schedule {
    if (!(Number.isInteger(retries) && retries >= 0)) {
      throw new RangeError(`Schedule.recurs: expected a whole number of retries, zero or more, got ${String(retries)}`);
    }
    return new Schedule((retry, random) => (retry < retries ? this.#rule(retry, random) : undefined));
  }

  /** The delay before the retry with this number, counted from 0, or `undefined` if there is to be none. `random` is uniform in [0, 1). */
  delay(retry: number, random: () => number): number | undefined {
    return this.#rule(retry, random);
  }

  #then(change: (ms: number, random: () => number) => number): Schedule {
    return new Schedule((retry, random) => {
      const ms = this.#rule(retry, random);
      return ms === undefined ? undefined : change(ms, random);
    });
  }
}

function check(what: string, ms: number): void {
  const invalid = checkDuration(what, ms);
  if (invalid !== undefined) throw invalid;
}
