/**
 * What every waiting function does first (rule 7): look whether the scope is cancelled, whether its
 * deadline has passed though the timer could not fire yet, and whether the event loop is due a turn.
 *
 * A waiting function begins with
 *
 *   if (mustDetour(scope)) return detour(scope, () => thisSameCall());
 *
 * so that the common case is two null checks and a decrement, and no async function is entered. The detour either
 * rejects with `Cancelled`, or lets the loop have its turn and makes the call again.
 */
import { expireOverdue } from "./propagation.ts";
import { quietly } from "./quiet.ts";
import { REFUSED, type ScopeNode } from "./scope-node.ts";
import { refusal } from "./waiter.ts";

/**
 * How many checkpoints may refuse one task within one cancelled scope at full speed. Cleanup needs a few; a loop that
 * swallows its cancellation passes them at once, and is then slowed to one turn of the event loop each.
 */
export const MAX_FAST_REFUSALS = 100;

export function mustDetour(scope: ScopeNode): boolean {
  if (scope.cancelledBy !== null) return true;
  if (scope.deadlineBy !== null && expireOverdue(scope)) return true;
  return --scope.loop.budget < 0 && scope.loop.refill();
}

/** The first half of it: whether a checkpoint here throws. */
export function isRefused(scope: ScopeNode): boolean {
  return scope.cancelledBy !== null || (scope.deadlineBy !== null && expireOverdue(scope));
}

/**
 * What the end of a group takes from the budget, where a checkpoint takes one: it is dearer, and assertions on checkpoints tell it by
 * that from one, which it is not, as it throws nothing of its own.
 */
const GROUP_COST = 2;

/** The event loop's turn at the end of a group, where one is due. */
export function turnOfGroup({ loop }: ScopeNode): Promise<void> | undefined {
  loop.budget -= GROUP_COST;
  return loop.budget < 0 && loop.refill() ? loop.breathe() : undefined;
}

export function detour<T>(scope: ScopeNode, again: () => Promise<T>): Promise<T> {
  if (scope.cancelledBy !== null) return refuse(scope);
  return quietly(async () => {
    await scope.loop.breathe();
    return again();
  });
}

function refuse(scope: ScopeNode): Promise<never> {
  return refusal(
    scope,
    countRefusal(scope) || (--scope.loop.budget < 0 && scope.loop.refill()) ? scope.loop.breathe() : undefined,
  );
}

/** A wait in `scope` ends with the cancellation in force there. Whether its task has had too many of those at full speed. */
export function countRefusal(scope: ScopeNode): boolean {
  const task = scope.taskNode;
  // The first time costs no memory: it is the only one of every task in a tree that is cancelled.
  if ((task.flags & REFUSED) === 0) {
    task.flags |= REFUSED;
    return false;
  }
  const extras = task.rare();
  if (extras.refusedBy !== scope.cancelledBy) {
    extras.refusedBy = scope.cancelledBy;
    extras.refusals = 0;
  }
  if (++extras.refusals === MAX_FAST_REFUSALS + 1) {
    scope.loop.warn(
      `task "${scope.taskNode.name}" has swallowed its cancellation ${MAX_FAST_REFUSALS} times and goes on; it is slowed down from here. ` +
        "Let Cancelled pass: isCancelled(error) tells it apart.",
      "COPPICE_SWALLOWED_CANCELLATION",
    );
  }
  return extras.refusals > MAX_FAST_REFUSALS;
}
