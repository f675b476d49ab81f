/**
 * A fact that happens once and that many may wait for.
 *
 *   unset --set--> set        there is no way back: make another event for another fact
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { DONE } from "../kernel/microtask.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";

/** Something that happens once, and that tasks can wait for. Setting never waits and works outside of tasks too. */
export class Event {
  #isSet = false;
  readonly #waiters = new WaitQueue<Waiter<void>>();

  /** Whether `set` was called. */
  get isSet(): boolean {
    return this.#isSet;
  }

  /** Makes the fact true and wakes all who wait, in the order in which they came. Idempotent. */
  set(): void {
    this.#isSet = true;
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) waiter.wake();
  }

  /** Waits until `set` was called. Always a checkpoint. */
  wait(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.wait());
    if (this.#isSet) return DONE;
    const waiter = new Waiter<void>(scope);
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  static {
    printsAs(Event, ({ isSet }) => ({ isSet }));
  }
}
