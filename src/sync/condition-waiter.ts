/**
 * One who waits for a condition. It moves between two queues and is one promise all the way:
 *
 *   waiting in the condition --notify--> waiting for the lock --granted--> `wait` returns, the lock is held
 *            |                                   |
 *        cancelled                           cancelled: the notification goes to the next waiter
 *            v                                   v
 *        waiting for the lock, behind a shield --granted--> `wait` throws `Cancelled`, the lock is held
 *
 * The guard that the waiter had before is in force again afterwards, however `wait` ends.
 *
 * Where the lock cannot be had any more (its owner ended without releasing; waiting for it would close a circle of tasks), `wait`
 * throws that without it: the guard then has nothing to give back. So it is where the shield is lifted, which happens in a run that is
 * stuck for good: the wait throws its `Cancelled` at once.
 */

import { appendWaiter } from "../kernel/links.ts";
import { closeNode } from "../kernel/propagation.ts";
import { markHandled } from "../kernel/quiet.ts";
import { Scope } from "../kernel/scope.ts";
import { type ScopeNode, SHIELD } from "../kernel/scope-node.ts";
import type { WaitQueue } from "../kernel/wait-queue.ts";
import { type Hold, HoldWaiter } from "./hold.ts";
import type { LockState } from "./lock-state.ts";
import { deadlockOf } from "./wait-cycle.ts";

/** Moves the first who waits into the queue of its lock. */
export function notifyFirst(queue: WaitQueue<ConditionWaiter>): void {
  queue.shift()?.notified();
}

export class ConditionWaiter extends HoldWaiter<void> {
  readonly #lock: LockState;
  readonly #condition: WaitQueue<ConditionWaiter>;
  #isNotified = false;
  /** The scope whose cancellation cut the wait short. */
  #cutBy: ScopeNode | undefined;
  /** Hides the wait for the lock that then remains. */
  #shield: Scope | undefined;

  constructor(scope: ScopeNode, hold: Hold, lock: LockState, condition: WaitQueue<ConditionWaiter>) {
    super(scope, hold);
    this.#lock = lock;
    this.#condition = condition;
  }

  sleep(): void {
    this.#condition.push(this);
    this.#lock.sleeping.add(this.#condition);
  }

  notified(): void {
    this.#isNotified = true;
    this.#awake();
    this.#lock.park(this);
  }

  override interrupt(): (() => void) | undefined {
    const shield = this.#shield;
    if (shield !== undefined) {
      // It was lifted: nothing in this run can ever happen again.
      this.#shield = undefined;
      this.queue?.remove(this);
      this.#throwCancelled(shield.parent as ScopeNode);
      return () => closeNode(shield);
    }
    const cutBy = this.scope;
    this.#cutBy = cutBy;
    if (this.#isNotified) {
      this.#hide(cutBy);
      notifyFirst(this.#condition);
      return undefined;
    }
    this.#condition.remove(this);
    this.#awake();
    if (this.#lock.hold === null) {
      this.#lock.own(this.hold);
      this.granted();
      return undefined;
    }
    const deadlock = deadlockOf(this.hold);
    if (deadlock !== undefined) {
      this.fail(() => deadlock);
      return undefined;
    }
    this.#hide(cutBy);
    this.#lock.park(this);
    return undefined;
  }

  granted(): void {
    if (this.#cutBy === undefined) this.wake();
    else this.#throwCancelled(this.#cutBy);
  }

  /** A cancellation is what the task expects, lock or no lock. */
  override refused(make: () => unknown): void {
    if (this.#cutBy === undefined) this.fail(make);
    else this.#throwCancelled(this.#cutBy);
  }

  #awake(): void {
    if (this.#condition.size === 0) this.#lock.sleeping.delete(this.#condition);
  }

  #hide(cutBy: ScopeNode): void {
    this.#shield = new Scope(cutBy, cutBy.loop, "the end of a condition.wait", SHIELD);
    appendWaiter(this.#shield, this);
  }

  #throwCancelled(cutBy: ScopeNode): void {
    this.fail(() => {
      const error = cutBy.cancellation();
      markHandled(this.promise);
      return error;
    });
    if (this.#shield !== undefined) closeNode(this.#shield);
  }
}
