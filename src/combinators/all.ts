/** All of several functions, or the first failure. */
import type { SettledTask } from "../kernel/scope-node.ts";
import { Crew, conclude } from "./crew.ts";
import type { Fn, Outcomes } from "./functions.ts";

/**
 * Runs `fns` concurrently and gives their values in the same order.
 *
 * The first failure cancels the others, and is rethrown unchanged once they have ended, cleanup included; errors that come during the unwind
 * are in `suppressedErrors(error)`. Each function runs as a task of its own. As a task group, it is no checkpoint itself: in a cancelled scope
 * the functions run to their first one, and values that all came in spite of the cancellation are given.
 *
 * @throws TypeError if `fns` is no list of functions; nothing was started then.
 *
 * @example
 * ```ts
 * const [user, orders] = await all([() => fetchUser(id), () => fetchOrders(id)]);
 * ```
 */
export function all<const T extends readonly Fn<unknown>[]>(fns: T): Promise<Outcomes<T>>;
export function all<T>(fns: Iterable<Fn<T>>): Promise<T[]>;
export function all(fns: Iterable<Fn<unknown>>): Promise<unknown> {
  return conclude("all", fns, () => new All());
}

class All extends Crew<unknown[]> {
  constructor() {
    super("all");
  }

  protected succeeded(): void {}

  protected result(): unknown[] {
    return this.tasks.map((task: SettledTask) => task.outcome);
  }
}
