/**
 * Mutual exclusion between tasks.
 *
 *   free --acquire--> held by a task --release--> held by the first who waits; free if nobody does
 *
 * There is one way to use it, `using _ = await lock.acquire()`, which every supported Node.js has; and `release` for the places where the
 * end of a block is not the end of the hold. Rejected: a callback form beside the two (a third way to say the same); a
 * lock that counts how often its owner acquired it (the invariant that it guards would not hold at the inner acquire).
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { InvalidStateError } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import { LockState } from "./lock-state.ts";

/** How a lock is called. */
export interface LockOptions {
  /** What it is called in messages. */
  readonly name?: string;
}

/** What a lock tells of itself, at the moment of asking. */
export interface LockStatistics {
  readonly isLocked: boolean;
  /** The name of the task that holds it. */
  readonly owner: string | undefined;
  /** How many wait to acquire it. */
  readonly waiting: number;
}

/** For conditions. */
export let stateOf: (lock: Lock) => LockState;

/**
 * Lets one task at a time into a stretch of code. Served first come, first served: who releases hands over to the first who waits,
 * and nobody comes in between. Belongs to the task that acquired it; outside of every task nobody's ownership is checked.
 *
 * @example
 * ```ts
 * const lock = new Lock({ name: "accounts" });
 * {
 *   using _ = await lock.acquire();
 *   await transfer(from, to);
 * }
 * ```
 */
export class Lock {
  readonly #state: LockState;

  constructor(options: LockOptions = {}) {
    this.#state = new LockState(options.name === undefined ? "a lock" : `lock "${options.name}"`);
  }

  /** Whether somebody holds it. */
  get isLocked(): boolean {
    return this.#state.hold !== null;
  }

  /**
   * Waits until the lock is this task's, and gives the guard that releases it. Disposing a guard works from anywhere, and a second
   * time does nothing. Always a checkpoint. Atomic under cancellation: it either holds the lock or throws `Cancelled`.
   *
   * @throws DeadlockError if this task holds it or waits for it already, or if it would close a circle of tasks that wait for each other.
   * @throws BrokenError if the task that holds it ended without releasing it.
   */
  acquire(): Promise<Disposable> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.acquire());
    return this.#state.acquire(scope);
  }

  /**
   * The guard if the lock is free, or `undefined`. Never waits, and never comes before those who do.
   *
   * @throws BrokenError if the task that holds it ended without releasing it.
   */
  tryAcquire(): Disposable | undefined {
    return this.#state.tryAcquire();
  }

  /**
   * Releases the lock, as disposing its guard does.
   *
   * @throws InvalidStateError if it is free, or another task's.
   */
  release(): void {
    const { hold, title } = this.#state;
    const task = currentNode().taskNode;
    if (hold === null) throw new InvalidStateError(`release of ${title}, which nobody holds: acquire it first`);
    if (hold.owner !== task) {
      throw new InvalidStateError(
        `release of ${title} by task "${task.name}": it belongs to task "${hold.owner.name}", which alone may release it`,
      );
    }
    this.#state.release(hold);
  }

  statistics(): LockStatistics {
    const { hold, waiters } = this.#state;
    return { isLocked: hold !== null, owner: hold?.owner.name, waiting: waiters.size };
  }

  static {
    stateOf = (lock) => lock.#state;
  }

  static {
    printsAs(Lock, (lock) => lock.statistics());
  }
}
