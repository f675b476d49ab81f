/** Ending the waits of something that closes. */
import type { Waiting, WaitQueue } from "../kernel/wait-queue.ts";

export interface Failing extends Waiting {
  fail(make: () => unknown): void;
}

/** Ends the waits that `concerns` picks, in order, with the error that `make` builds for each. */
export function failAll<W extends Failing>(
  queue: WaitQueue<W>,
  make: () => unknown,
  concerns: (waiter: W) => boolean = everyone,
): void {
  for (const waiter of queue.drain(concerns)) waiter.fail(make);
}

function everyone(): boolean {
  return true;
}
