/**
 * The mechanism of a lock, which a condition shares.
 *
 * Invariants
 * - While somebody waits, the lock is held: on release the first who waits holds it at once, before anybody else can look.
 * - While somebody waits, here or in a condition, the hold in force is watched, so that the end of its owner is heard of.
 */
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { type Claimant, GuardWaiter, Hold, type Holdable, orphaned, refuseAbandoned } from "./hold.ts";
import { mayRun, refusalOf } from "./wait-cycle.ts";

export class LockState implements Holdable {
  readonly title: string;
  readonly waiters: WaitQueue<Claimant> = new WaitQueue();
  /** Of the conditions on which somebody waits who gave up the lock for that. */
  readonly sleeping: Set<WaitQueue<Claimant>> = new Set();
  /** The one in force. */
  hold: Hold | null = null;

  constructor(title: string) {
    this.title = title;
  }

  holds(): Iterable<Hold> {
    return this.hold === null ? [] : [this.hold];
  }

  isHeldBy(task: ScopeNode): boolean {
    return this.hold?.owner === task;
  }

  acquire(scope: ScopeNode): Promise<Disposable> {
    const hold = new Hold(this, scope.taskNode);
    if (this.hold === null) {
      this.own(hold);
      return Promise.resolve(hold);
    }
    // Most waits need no closer look: the owner runs, and this task does nothing else.
    if (!mayRun(this.hold.owner) || !mayRun(hold.owner) || this.hold.owner === hold.owner || this.hold.isOrphaned) {
      const refusal = refusalOf(hold);
      if (refusal !== undefined) return Promise.reject(refusal);
    }
    const waiter = new GuardWaiter(scope, hold);
    this.park(waiter);
    return waiter.promise;
  }

  /** @throws BrokenError if the owner ended without releasing. */
  tryAcquire(): Hold | undefined {
    if (this.hold === null) {
      const hold = new Hold(this, currentNode().taskNode);
      this.own(hold);
      return hold;
    }
    if (this.hold.isOrphaned) throw orphaned(this.hold);
    return undefined;
  }

  /** Puts `waiter`, which is in no queue, at the end of this one. The lock is held. */
  park(waiter: Claimant): void {
    this.waiters.push(waiter);
    this.hold?.watch();
  }

  own(hold: Hold): void {
    this.hold = hold;
    if (this.waiters.size > 0 || this.sleeping.size > 0) hold.watch();
  }

  release(hold: Hold): void {
    if (this.hold !== hold) return;
    hold.unwatch();
    for (let next = this.waiters.shift(); next !== undefined; next = this.waiters.shift()) {
      if (refuseAbandoned(next)) continue;
      this.own(next.hold);
      next.granted();
      return;
    }
    this.hold = null;
  }
}
