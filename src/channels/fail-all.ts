/** Ending the waits of something that closes. */
import type { Interruptible } from "../kernel/scope-node.ts";
import type { Waiting, WaitQueue } from "../kernel/wait-queue.ts";

export interface Failing extends Waiting {
  /** Null once the wait has ended. */
  readonly prevInScope: Interruptible | null;
  fail(make: () => unknown): void;
}

/**
 * Ends the waits that `concerns` picks, in order, with the error that `make` builds for each. A wait that was cut short because one before it
 * has ended (they were cases of one `select`) is over and is passed by.
 */
export function failAll<W extends Failing>(
  queue: WaitQueue<W>,
  make: () => unknown,
  concerns: (waiter: W) => boolean = everyone,
): void {
  for (const waiter of queue.drain(concerns)) if (waiter.prevInScope !== null) waiter.fail(make);
}

function everyone(): boolean {
  return true;
}
