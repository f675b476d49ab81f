/**
 * The two lists that a node of the tree heads, children and waits, both doubly linked through their members and in order of
 * arrival: the head's `prev` is the tail, the tail's `next` is null. Joining and leaving cost O(1) and no memory.
 */

interface Sibling<N> {
  next: N | null;
  prev: N;
}

export function appendChild<N extends Sibling<N>>(parent: { firstChild: N | null }, node: N): void {
  const first = parent.firstChild;
  node.next = null;
  if (first === null) {
    parent.firstChild = node;
    node.prev = node;
  } else {
    const last = first.prev;
    last.next = node;
    node.prev = last;
    first.prev = node;
  }
}

export function removeChild<N extends Sibling<N>>(parent: { firstChild: N | null }, node: N): void {
  const first = parent.firstChild as N;
  const next = node.next;
  if (first === node) {
    parent.firstChild = next;
    if (next !== null) next.prev = node.prev;
  } else {
    node.prev.next = next;
    if (next === null) first.prev = node.prev;
    else next.prev = node.prev;
  }
  node.next = null;
  node.prev = node;
}

interface Blocked {
  scope: { firstWaiter: Blocked | null };
  nextInScope: Blocked | null;
  /** Null while it is in no list. */
  prevInScope: Blocked | null;
}

export function appendWaiter(scope: { firstWaiter: Blocked | null }, waiter: Blocked): void {
  const first = scope.firstWaiter;
  waiter.scope = scope;
  waiter.nextInScope = null;
  if (first === null) {
    scope.firstWaiter = waiter;
    waiter.prevInScope = waiter;
  } else {
    const last = first.prevInScope as Blocked;
    last.nextInScope = waiter;
    waiter.prevInScope = last;
    first.prevInScope = waiter;
  }
}

/** Does nothing for a waiter that is in no list. */
export function removeWaiter(waiter: Blocked): void {
  const prev = waiter.prevInScope;
  if (prev === null) return;
  const scope = waiter.scope;
  const first = scope.firstWaiter as Blocked;
  const next = waiter.nextInScope;
  if (first === waiter) scope.firstWaiter = next;
  else prev.nextInScope = next;
  if (next !== null) next.prevInScope = prev;
  else if (first !== waiter) first.prevInScope = prev;
  waiter.nextInScope = null;
  waiter.prevInScope = null;
}
