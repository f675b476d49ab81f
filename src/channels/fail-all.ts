/** Ending the waits of something that closes. */
import type { Interruptible } from "../kernel/scope-node.ts";
import type { Waiting, WaitQueue } from "../kernel/wait-queue.ts";

export interface Failing extends Waiting {
  /** Null once the wait has ended. */
  readonly prevInScope: Interruptible | null;
  fail(make: () => unknown): void;
}

/** Ends all waits in `queue`, as `failEach` does. */
export function failAll(queue: WaitQueue<Failing>, make: () => unknown): void {
  failEach(queue.drain(everyone), make);
}

/**
 * Ends waits that are out of their queue, in order, with the error that `make` builds for each. A wait that was cut short because one
 * before it has ended (they were cases of one `select`) is over and is passed by.
 */
export function failEach(waiters: readonly Failing[], make: () => unknown): void {
  for (const waiter of waiters) if (waiter.prevInScope !== null) waiter.fail(make);
}

function everyone(): boolean {
  return true;
}
