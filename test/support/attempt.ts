/** A wait in a task and a scope of its own, to be cancelled at whatever moment a test is about. */
import assert from "node:assert/strict";
import { type CancelScope, cancelScope, checkpoint, isCancelled, type TaskGroup } from "coppice";

export interface Attempt {
  scope: CancelScope;
  /** What the wait gave; the string "cancelled" if the scope's own cancellation cut it short. */
  outcome: unknown;
  /** Whether the next checkpoint in the scope threw. */
  didNextThrow: boolean;
  over: PromiseLike<unknown>;
}

/** Waits in a child task, in a scope of its own. */
export function attempt(group: TaskGroup, wait: () => PromiseLike<unknown>): Attempt {
  const result = { outcome: "pending", didNextThrow: false } as unknown as Attempt;
  const task = group.spawn(() =>
    cancelScope(async (scope) => {
      result.scope = scope;
      try {
        result.outcome = await wait();
      } catch (error) {
        if (!isCancelled(error)) throw error;
        assert.equal(error.scope, scope);
        result.outcome = "cancelled";
      }
      try {
        await checkpoint();
      } catch (error) {
        assert.ok(isCancelled(error));
        result.didNextThrow = true;
      }
    }),
  );
  result.over = task;
  return result;
}
