/**
 * How a change at one node reaches the tree below it: cancellation, deadlines, graceful stop, and leaving.
 *
 * Every walk is iterative, by the links of the tree: 5,000 nested scopes must not overflow the stack, and
 * cancelling costs O(nodes below). User code (listeners of an `AbortSignal`) runs only after a walk is done.
 *
 *   open --cancel--> cancelled --leave--> closed        the first reason wins; on a closed node nothing happens
 *   open --leave---> closed
 *
 * A shield stops a walk. With a grace period it is lifted that long after the cancellation outside,
 * and what is inside is then cancelled by the outer scope, in its name.
 */
import { BY_DEADLINE } from "./errors.ts";
import { appendChild, appendWaiter, removeChild, removeWaiter } from "./links.ts";
import {
  CANCELLED,
  CLOSED,
  EXPIRED,
  type Interruptible,
  type ScopeExtras,
  type ScopeNode,
  SHIELD,
  STOPPING,
} from "./scope-node.ts";

/** `origin` says to people who does it. */
export function cancelNode(node: ScopeNode, reason: unknown, origin: string): void {
  if ((node.flags & (CLOSED | CANCELLED)) !== 0) return;
  node.flags |= CANCELLED;
  const extras = node.rare();
  extras.reason = reason;
  extras.origin = origin;
  extras.cancelledAt = node.loop.time();
  // Already cancelled from outside: the outermost visible scope stays the one that is named.
  if (node.cancelledBy === null) spread(node, node);
}

/** Makes `by` the cancellation in force at `root` and below, up to shields, and interrupts the waits there. */
function spread(root: ScopeNode, by: ScopeNode): void {
  const afterwards: (() => void)[] = [];
  walk(root, (node) => {
    if (node !== root && (node.flags & SHIELD) !== 0) {
      countGrace(node);
      return false;
    }
    if (node.cancelledBy === by) return false;
    const wasFree = node.cancelledBy === null;
    node.cancelledBy = by;
    if (!wasFree) return true;
    while (node.firstWaiter !== null) {
      const waiter = node.firstWaiter;
      removeWaiter(waiter);
      const later = waiter.interrupt();
      if (later !== undefined) afterwards.push(later);
    }
    const controller = node.extras?.controller;
    if (controller !== undefined) afterwards.push(() => controller.abort(node.cancellation()));
    return true;
  });
  for (const run of afterwards) run();
}

/** Visits `root` and what is below it, parents first, in order of arrival; below a node only if `visit` says so. */
export function walk(root: ScopeNode, visit: (node: ScopeNode) => boolean): void {
  let node = root;
  for (;;) {
    if (visit(node) && node.firstChild !== null) {
      node = node.firstChild;
      continue;
    }
    while (node !== root && node.next === null) node = node.parent as ScopeNode;
    if (node === root) return;
    node = node.next as ScopeNode;
  }
}

/** Starts the grace period of a shield, counted from the cancellation outside. */
function countGrace(shield: ScopeNode): void {
  const extras = shield.extras;
  if (extras === null || extras.graceMs === Infinity || extras.graceTimer !== undefined) return;
  extras.graceTimer = shield.loop.callAt(graceEnd(shield, extras), () => liftShield(shield));
}

/** From the first cancellation that is visible outside, not from the one that is named: a later one, further out, buys no time. */
function graceEnd(shield: ScopeNode, { graceMs }: ScopeExtras): number {
  let first = Infinity;
  for (let at = shield.parent; at !== null; at = (at.flags & SHIELD) === 0 ? at.parent : null) {
    if ((at.flags & CANCELLED) !== 0) first = Math.min(first, at.extras?.cancelledAt ?? 0);
  }
  return first + graceMs;
}

/** Gives a new shield its grace period. Spent before the shield was entered, it hides nothing. */
export function grantGrace(shield: ScopeNode, graceMs: number): void {
  if (!(graceMs >= 0)) throw new RangeError(`graceMs: expected milliseconds, zero or more, got ${graceMs}`);
  const extras = shield.rare();
  extras.graceMs = graceMs;
  if (!shield.parent?.cancelledBy) return;
  if (graceEnd(shield, extras) <= shield.loop.time()) liftShield(shield);
  else countGrace(shield);
}

function liftShield(node: ScopeNode): void {
  if ((node.flags & CLOSED) !== 0) return;
  node.flags &= ~SHIELD;
  refreshDeadlines(node);
  const by = node.parent?.cancelledBy;
  if (by) spread(node, by);
}

/** Lifts every shield below `root`, for good. */
export function liftShields(root: ScopeNode): void {
  const shields: ScopeNode[] = [];
  walk(root, (node) => {
    if ((node.flags & SHIELD) !== 0) shields.push(node);
    return true;
  });
  for (const shield of shields) liftShield(shield);
}

/** Anything else would put the timers of the whole loop out of order. */
export function checkDeadline(when: number): RangeError | undefined {
  if (typeof when === "number" && !Number.isNaN(when)) return undefined;
  return new RangeError(`deadline: expected milliseconds on the loop's clock, got ${String(when)}`);
}

/** Sets the node's own deadline; `Infinity` removes it. */
export function setDeadline(node: ScopeNode, when: number): void {
  const invalid = checkDeadline(when);
  if (invalid !== undefined) throw invalid;
  if ((node.flags & CLOSED) !== 0) return;
  const extras = node.rare();
  extras.deadline = when;
  extras.deadlineTimer?.cancel();
  extras.deadlineTimer = when === Infinity ? undefined : node.loop.callAt(when, () => expire(node));
  refreshDeadlines(node);
}

function refreshDeadlines(root: ScopeNode): void {
  walk(root, (node) => {
    const around = (node.flags & SHIELD) !== 0 ? null : (node.parent?.deadlineBy ?? null);
    const own = node.extras?.deadline ?? Infinity;
    const earliest = own < (around?.extras?.deadline ?? Infinity) ? node : around;
    // Below an unchanged node a later or earlier value of the same deadline may still matter.
    if (earliest === node.deadlineBy && node !== root && earliest !== root) return false;
    node.deadlineBy = earliest;
    return true;
  });
}

function expire(node: ScopeNode): void {
  if ((node.flags & (CLOSED | CANCELLED)) !== 0) return;
  node.flags |= EXPIRED;
  cancelNode(node, "deadline passed", BY_DEADLINE);
}

/** Cancels every scope visible from `node` whose deadline has passed, though its timer could not fire yet. */
export function expireOverdue(node: ScopeNode): boolean {
  const by = node.deadlineBy;
  const now = node.loop.time();
  if (by === null || (by.extras?.deadline ?? Infinity) > now) return false;
  for (let at: ScopeNode | null = node; at !== null; at = at.parent) {
    if (at.extras !== null && at.extras.deadline <= now) expire(at);
    if ((at.flags & SHIELD) !== 0) break;
  }
  return node.cancelledBy !== null;
}

/** Phase one of a stop: a fact for those inside to see. Shields do not hide it, as it cuts nothing. */
export function stopNode(node: ScopeNode, graceMs: number, reason: unknown): void {
  if (!(typeof graceMs === "number" && graceMs >= 0))
    throw new RangeError(`graceMs: expected milliseconds, zero or more, got ${String(graceMs)}`);
  if ((node.flags & (CLOSED | CANCELLED)) !== 0) return;
  const extras = node.rare();
  if ((node.flags & STOPPING) === 0) {
    node.flags |= STOPPING;
    const wake: (() => void)[] = [];
    walk(node, (inner) => {
      const waiters = inner.extras?.stopWaiters;
      if (waiters !== undefined) {
        wake.push(...waiters);
        waiters.clear();
      }
      return true;
    });
    for (const waiter of wake) waiter();
  }
  const end = node.loop.time() + graceMs;
  if (end >= extras.stopAt) return;
  extras.stopAt = end;
  extras.stopTimer?.cancel();
  extras.stopTimer = node.loop.callAt(end, () => cancelNode(node, reason, "the end of its grace period"));
}

export function isStopping(node: ScopeNode): boolean {
  for (let at: ScopeNode | null = node; at !== null; at = at.parent) if ((at.flags & STOPPING) !== 0) return true;
  return false;
}

/**
 * Leaves the node. Scopes and waits that were started inside and not awaited go over to the parent, so that
 * its cancellation still reaches them and a task group or task around them still waits for them.
 */
export function closeNode(node: ScopeNode): void {
  if ((node.flags & CLOSED) !== 0) return;
  node.flags |= CLOSED;
  const extras = node.extras;
  if (extras !== null) {
    extras.deadlineTimer?.cancel();
    extras.graceTimer?.cancel();
    extras.stopTimer?.cancel();
    extras.deadline = Infinity;
    if (extras.held !== undefined) for (const held of extras.held) held.ownerEnded();
  }
  const parent = node.parent;
  if (parent === null) return;
  removeChild(parent, node);
  if (extras?.stopWaiters !== undefined) handOverStopWaiters(extras.stopWaiters, parent);
  if (node.firstChild !== null || node.firstWaiter !== null) handOver(node, parent);
  parent.childClosed();
}

function handOver(node: ScopeNode, parent: ScopeNode): void {
  while (node.firstChild !== null) {
    const orphan = node.firstChild;
    removeChild(node, orphan);
    orphan.parent = parent;
    appendChild(parent, orphan);
    refreshDeadlines(orphan);
    if (parent.cancelledBy === null) continue;
    if ((orphan.flags & SHIELD) !== 0) countGrace(orphan);
    else if (orphan.cancelledBy === null) spread(orphan, parent.cancelledBy);
  }
  while (node.firstWaiter !== null) {
    const waiter: Interruptible = node.firstWaiter;
    removeWaiter(waiter);
    if (parent.cancelledBy === null) appendWaiter(parent, waiter);
    else {
      waiter.scope = parent;
      waiter.interrupt()?.();
    }
  }
}

function handOverStopWaiters(waiters: Set<() => void>, parent: ScopeNode): void {
  if (waiters.size === 0) return;
  const extras = parent.rare();
  extras.stopWaiters ??= new Set();
  for (const waiter of waiters) extras.stopWaiters.add(waiter);
  waiters.clear();
}
