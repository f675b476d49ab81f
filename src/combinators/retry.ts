/**
 * Calling a function again until it succeeds.
 *
 * The last error is thrown, alone and unchanged: keeping the earlier ones with it would make a function that is tried for a week a leak,
 * and `when` sees each of them.
 */
import { type Returned, settled } from "../kernel/body.ts";
import { checkFunction, describe } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { Cancelled, suppress } from "../kernel/errors.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { checkpoint, sleep } from "../kernel/sleep.ts";
import { Schedule } from "./schedule.ts";

/** Which failures `retry` tries again after. */
export interface RetryOptions {
  /** Whether to try again after `error`; by default, always. Asked after each failure, also the last one; never about a `Cancelled`. */
  readonly when?: (error: unknown) => boolean;
}

/**
 * Calls `fn` and, as long as it fails and `schedule` allows, calls it again after the delay that `schedule` gives. Each call gets its number,
 * from 1. Gives the first value; when it gives up, it throws the last error unchanged.
 *
 * Always a checkpoint, before each call. A `Cancelled` is never retried, whoever was cancelled. Cancelled during a delay, it throws the
 * `Cancelled`, and the error that the delay was for is in its `suppressedErrors`; an error that `fn` ends with in a scope that is already cancelled
 * is thrown.
 *
 * @throws TypeError if `fn` is no function or `schedule` no `Schedule`.
 *
 * @example
 * ```ts
 * const rows = await retry(() => query(sql), Schedule.exponential(50).recurs(4), { when: (error) => error instanceof BrokenError });
 * ```
 */
export function retry<T>(
  fn: (attempt: number) => Returned<T>,
  schedule: Schedule,
  options: RetryOptions = {},
): Promise<T> {
  const { when } = options;
  try {
    checkFunction("retry: as its first argument", fn);
    if (!(schedule instanceof Schedule)) {
      throw new TypeError(
        `retry: expected a Schedule, such as Schedule.fixed(100).recurs(3), got ${describe(schedule)}`,
      );
    }
    if (when !== undefined) checkFunction("retry: when", when);
  } catch (error) {
    return Promise.reject(error);
  }
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => retry(fn, schedule, options));
  return quietly(async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await settled(fn(attempt));
      } catch (error) {
        if (error instanceof Cancelled || (when !== undefined && !when(error))) throw error;
        const ms = schedule.delay(attempt - 1, () => scope.loop.random());
        if (ms === undefined || currentNode().cancelledBy !== null) throw error;
        await pause(ms, error);
      }
    }
  });
}

async function pause(ms: number, after: unknown): Promise<void> {
  try {
    await sleep(ms);
    await checkpoint();
  } catch (error) {
    if (error instanceof Cancelled) suppress(error, after);
    throw error;
  }
}
