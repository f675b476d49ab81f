/**
 * The mechanism of a read-write lock.
 *
 *   free         --read--> reading       --write--> writing
 *   reading      a reader enters at once if nobody waits; everybody else waits
 *   writing      everybody waits
 *
 * Served first come, first served, whichever they are: no reader passes a writer who waits, so neither side can starve the
 * other, and readers who stand next to each other in the queue enter together.
 *
 * Invariant: the first who waits could not enter now. So whoever leaves, the lock or the queue, lets in those who now can.
 */
import { InvalidStateError } from "../kernel/errors.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { GuardWaiter, Hold, type Holdable, isTask, orphaned, refuseAbandoned } from "./hold.ts";
import { holdsAlready, refusalOf } from "./wait-cycle.ts";

/** What a read-write lock tells of itself, at the moment of asking. */
export interface RwLockStatistics {
  /** How many read right now. */
  readonly readers: number;
  /** The name of the task that writes. */
  readonly writer: string | undefined;
  /** How many wait to enter. */
  readonly waiting: number;
}

class RwHold extends Hold {
  declare readonly writes: boolean;

  constructor(of: RwLockState, owner: ScopeNode, writes: boolean) {
    super(of, owner);
    this.writes = writes;
  }

  /** A task has one hold at most; code outside of every task any number. */
  get key(): object {
    return isTask(this.owner) ? this.owner : this;
  }
}

class RwWaiter extends GuardWaiter {
  declare readonly hold: RwHold;

  protected override abandoned(): void {
    (this.hold.of as RwLockState).letIn();
  }
}

export class RwLockState implements Holdable {
  readonly title: string;
  readonly waiters: WaitQueue<RwWaiter> = new WaitQueue();
  readonly #holds = new Map<object, RwHold>();
  #writer: RwHold | undefined;

  constructor(title: string) {
    this.title = title;
  }

  holds(): Iterable<RwHold> {
    return this.#holds.values();
  }

  isHeldBy(task: ScopeNode): boolean {
    return this.#holds.has(task);
  }

  acquire(scope: ScopeNode, writes: boolean): Promise<Disposable> {
    const hold = new RwHold(this, scope.taskNode, writes);
    if (this.#holds.has(hold.key)) return Promise.reject(holdsAlready(hold));
    if (this.waiters.size === 0 && this.#admits(hold)) {
      this.#enter(hold);
      return Promise.resolve(hold);
    }
    const refusal = refusalOf(hold);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.waiters.size === 0) for (const held of this.#holds.values()) held.watch();
    const waiter = new RwWaiter(scope, hold);
    this.waiters.push(waiter);
    return waiter.promise;
  }

  tryAcquire(writes: boolean): Disposable | undefined {
    const hold = new RwHold(this, currentNode().taskNode, writes);
    if (this.#holds.has(hold.key)) throw holdsAlready(hold);
    if (this.waiters.size === 0 && this.#admits(hold)) {
      this.#enter(hold);
      return hold;
    }
    for (const held of this.#holds.values()) if (held.isOrphaned) throw orphaned(held);
    return undefined;
  }

  release(hold: RwHold): void {
    if (this.#holds.get(hold.key) !== hold) return;
    this.#holds.delete(hold.key);
    if (this.#writer === hold) this.#writer = undefined;
    hold.unwatch();
    this.letIn();
  }

  releaseOf(task: ScopeNode): void {
    let hold = this.#holds.get(task);
    if (!isTask(task)) for (const held of this.#holds.values()) if (held.owner === task) hold ??= held;
    if (hold === undefined) {
      throw new InvalidStateError(
        `release of ${this.title} by task "${task.name}", which does not hold it: acquire it first`,
      );
    }
    this.release(hold);
  }

  /** Lets in, in order, those who now can enter. */
  letIn(): void {
    for (let first = this.waiters.first; first !== undefined; first = this.waiters.first) {
      if (first.hold.isOrphaned) {
        this.waiters.remove(first);
        refuseAbandoned(first);
        continue;
      }
      if (!this.#admits(first.hold)) return;
      this.waiters.remove(first);
      this.#enter(first.hold);
      first.granted();
    }
  }

  statistics(): RwLockStatistics {
    const readers = this.#writer === undefined ? this.#holds.size : 0;
    return { readers, writer: this.#writer?.owner.name, waiting: this.waiters.size };
  }

  #admits(hold: RwHold): boolean {
    return this.#holds.size === 0 || (!hold.writes && this.#writer === undefined);
  }

  #enter(hold: RwHold): void {
    this.#holds.set(hold.key, hold);
    if (hold.writes) this.#writer = hold;
    if (this.waiters.size > 0) hold.watch();
  }
}
