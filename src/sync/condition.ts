/**
 * Waiting, with a lock, until what the lock guards has become as one wants it.
 *
 * Notifying moves those who wait into the queue of the lock (see `condition-waiter.ts`), so notifying a thousand of them wakes
 * them one by one.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { InvalidStateError } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { ConditionWaiter, notifyFirst } from "./condition-waiter.ts";
import type { Hold } from "./hold.ts";
import { Lock, stateOf } from "./lock.ts";
import type { LockState } from "./lock-state.ts";
import { checkWhole } from "./whole.ts";

/** What a condition tells of itself, at the moment of asking. */
export interface ConditionStatistics {
  /** How many wait to be notified. */
  readonly waiting: number;
}

/**
 * Lets tasks that hold a lock wait until another one has changed what the lock guards. Several conditions may share a lock.
 *
 * @example
 * ```ts
 * const condition = new Condition();
 * // The task that waits:
 * {
 *   using _ = await condition.lock.acquire();
 *   await condition.waitFor(() => orders.length > 0);
 *   handle(orders.shift());
 * }
 * // The task that changes something:
 * {
 *   using _ = await condition.lock.acquire();
 *   orders.push(order);
 *   condition.notify();
 * }
 * ```
 */
export class Condition {
  readonly lock: Lock;
  readonly #state: LockState;
  readonly #queue: WaitQueue<ConditionWaiter> = new WaitQueue();

  /** By default with a lock of its own. */
  constructor(lock: Lock = new Lock()) {
    this.lock = lock;
    this.#state = stateOf(lock);
  }

  /**
   * Releases the lock, waits until notified, and acquires the lock again before it returns. It does so, shielded, before it throws
   * `Cancelled`, too. Always a checkpoint; one that was notified and is cancelled before it has the lock notifies the next.
   *
   * @throws InvalidStateError if this task does not hold the lock.
   * @throws BrokenError if a task ended without releasing the lock; it is not held then.
   * @throws DeadlockError if, when cancelled, waiting for the lock would close a circle of tasks that wait for each other; it is not
   * held then.
   */
  wait(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.wait());
    const hold = this.#holdOf(scope);
    if (hold === undefined) return Promise.reject(this.#notHeld("wait"));
    const waiter = new ConditionWaiter(scope, hold, this.#state, this.#queue);
    waiter.sleep();
    this.#state.release(hold);
    return waiter.promise;
  }

  /**
   * Waits until `predicate` holds, looking at it now and whenever notified, with the lock held. Always a checkpoint; else as `wait`.
   *
   * @throws InvalidStateError if this task does not hold the lock.
   */
  waitFor(predicate: () => boolean): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.waitFor(predicate));
    if (this.#holdOf(scope) === undefined) return Promise.reject(this.#notHeld("waitFor"));
    return quietly(async () => {
      while (!predicate()) await this.wait();
    });
  }

  /**
   * Wakes the first `count` of those who wait; each goes on when it has the lock.
   *
   * @throws InvalidStateError if this task does not hold the lock.
   * @throws RangeError if `count` is no whole number of at least 0, or `Infinity`.
   */
  notify(count = 1): void {
    checkWhole("condition.notify", count, 0, true);
    if (this.#holdOf(currentNode()) === undefined) throw this.#notHeld("notify");
    for (let left = count; left > 0 && this.#queue.size > 0; left--) notifyFirst(this.#queue);
  }

  /** Wakes all who wait; each goes on when it has the lock. */
  notifyAll(): void {
    this.notify(Infinity);
  }

  statistics(): ConditionStatistics {
    return { waiting: this.#queue.size };
  }

  #holdOf(scope: ScopeNode): Hold | undefined {
    const { hold } = this.#state;
    return hold !== null && hold.owner === scope.taskNode ? hold : undefined;
  }

  #notHeld(what: string): InvalidStateError {
    const { title } = this.#state;
    return new InvalidStateError(
      `${what} of a condition by task "${currentNode().taskNode.name}", which does not hold ${title}: acquire the condition's lock first`,
    );
  }

  static {
    printsAs(Condition, (condition) => condition.statistics());
  }
}
