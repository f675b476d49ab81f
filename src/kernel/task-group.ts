/**
 * Task groups: no task outlives its group (rule 1), and the first failure wins (rule 2).
 *
 * Rejected: always wrapping failures in an aggregate (`instanceof` stops working, and one failure is the
 * common case); disposal with `await using` (it never learns that the body threw).
 */
import type { Returned } from "./body.ts";
import { conduct, type Failures, type TaskGroup } from "./group.ts";

/**
 * Runs `body` with a group of concurrent tasks, and settles only after the body and every child have settled, cleanup included.
 *
 * If the body or a child fails, the rest of the group is cancelled, body included, and that first error
 * is rethrown unchanged; errors that come during the unwind are in `suppressedErrors(error)`.
 * A cancellation from outside reaches the body and all children. The group itself is no checkpoint.
 *
 * @example
 * ```ts
 * const [user, orders] = await taskGroup(async (group) => {
 *   const user = group.spawn(() => fetchUser(id));
 *   const orders = group.spawn(() => fetchOrders(id));
 *   return [await user, await orders] as const;
 * });
 * ```
 */
export function taskGroup<T>(body: (group: TaskGroup) => Returned<T>): Promise<T> {
  return conduct(FIRST_WINS, body);
}

/** A failing task fails the group. */
const FIRST_WINS: Failures = {
  taskFailed: () => true,
  atEnd: () => undefined,
};
