/**
 * Waits that could never end, found when they begin: a task that waits for itself, directly or around a circle of
 * tasks each of which holds what the one before waits for.
 *
 * The edges are already there: a hold names its owner, and the waits of a task are linked into its scopes. So nothing is kept for
 * this, and a wait whose owner is not waiting itself costs a look at two fields. A circle closes only where a wait begins,
 * because what is handed over goes to a task that no longer waits for it; so one look at that moment finds every one of them.
 * A time limit on one of the waits would break its circle some day; it is refused all the same, as databases do.
 *
 * Rejected: a map from tasks to what they wait for, kept up to date at each wait and wake-up.
 */
import { type BrokenError, DeadlockError } from "../kernel/errors.ts";
import { type ScopeNode, TASK } from "../kernel/scope-node.ts";
import { type Claimant, type Hold, HoldWaiter, isTask, orphaned } from "./hold.ts";

/**
 * Why a wait for `hold` must not begin, if there is a reason. Where somebody waits already, none of those in force is orphaned: the
 * end of an owner refuses all who wait.
 */
export function refusalOf(hold: Hold): BrokenError | DeadlockError | undefined {
  if (hold.of.waiters.size === 0) for (const other of hold.of.holds()) if (other.isOrphaned) return orphaned(other);
  return deadlockOf(hold);
}

export function deadlockOf(hold: Hold): DeadlockError | undefined {
  const { of, owner } = hold;
  if (!isTask(owner)) return undefined;
  for (const waiter of waitsOf(owner)) if (waiter.hold.of === of && waiter.hold !== hold) return waitsAlready(hold);
  if (of.isHeldBy(owner)) return holdsAlready(hold);
  if (!isWaitedFor(owner)) return undefined;
  const circle = circleOf(hold);
  return circle === undefined ? undefined : closesCircle(hold, circle);
}

/** The task of `hold` has another one of the same thing. */
export function holdsAlready({ of, owner }: Hold): DeadlockError {
  return new DeadlockError(
    `task "${owner.name}" already holds ${of.title} and would wait for itself: release it first, or let a task of its own do the other part`,
  );
}

function waitsAlready({ of, owner }: Hold): DeadlockError {
  return new DeadlockError(
    `task "${owner.name}" already waits for ${of.title} and would wait for itself: await the first acquire, or let a task of its own do the other part`,
  );
}

function closesCircle({ of, owner }: Hold, circle: readonly Hold[]): DeadlockError {
  const steps = circle.map((held, index) => {
    const next = circle[index + 1];
    const holder = next === undefined ? `task "${held.owner.name}" itself` : `task "${held.owner.name}"`;
    return `held by ${holder}${next === undefined ? "" : `, which waits for ${next.of.title}`}`;
  });
  return new DeadlockError(
    `task "${owner.name}" would wait for ever: for ${of.title}, ${steps.join(", ")}; acquire them in the same order everywhere`,
  );
}

/** Whether anybody waits for something that `task` holds; else no circle leads back to it, however many hold what it wants. */
function isWaitedFor({ extras }: ScopeNode): boolean {
  return extras?.held !== undefined && extras.held.length > 0;
}

interface Step {
  readonly held: Hold;
  readonly before: Step | undefined;
}

/** The holds on the way from what `hold` waits for back to its owner. */
function circleOf(hold: Hold): readonly Hold[] | undefined {
  const visited = new Set<ScopeNode>();
  const pending: Step[] = [];
  for (const held of hold.of.holds()) pending.push({ held, before: undefined });
  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    const { owner } = step.held;
    if (owner === hold.owner) return path(step);
    if (!isTask(owner) || visited.has(owner)) continue;
    visited.add(owner);
    for (const waiter of waitsOf(owner)) {
      for (const held of waiter.hold.of.holds()) pending.push({ held, before: step });
    }
  }
  return undefined;
}

function path(last: Step): Hold[] {
  const holds: Hold[] = [];
  for (let step: Step | undefined = last; step !== undefined; step = step.before) holds.push(step.held);
  return holds.reverse();
}

/** What `task` waits for right now, in whichever of its scopes; not what its children wait for. */
function waitsOf(task: ScopeNode): readonly Claimant[] {
  if (mayRun(task)) return NONE;
  const found: Claimant[] = [];
  let node: ScopeNode | null = task;
  while (node !== null) {
    for (let waiter = node.firstWaiter; waiter !== null; waiter = waiter.nextInScope) {
      if (waiter instanceof HoldWaiter && isClaimOf(waiter, task)) found.push(waiter);
    }
    node = nextScope(node, task);
  }
  return found;
}

/**
 * Not where it waits for a condition, and so for nobody's hold before it is notified; nor what a child abandoned, which went over to the
 * scope around.
 */
function isClaimOf(waiter: Claimant, task: ScopeNode): boolean {
  return waiter.hold.owner === task && waiter.queue === waiter.hold.of.waiters;
}

/** Whether the task waits for nothing at all, which the first look tells. */
export function mayRun(task: ScopeNode): boolean {
  return task.firstWaiter === null && task.firstChild === null;
}

/** The scope after `node` in a walk over those of `task`. Where the children of a group begin there is nothing of its own. */
function nextScope(node: ScopeNode, task: ScopeNode): ScopeNode | null {
  if (node.firstChild !== null && (node.firstChild.flags & TASK) === 0) return node.firstChild;
  let at = node;
  for (;;) {
    if (at === task) return null;
    let next = at.next;
    while (next !== null && (next.flags & TASK) !== 0) next = next.next;
    if (next !== null) return next;
    at = at.parent as ScopeNode;
  }
}

const NONE: readonly Claimant[] = [];
