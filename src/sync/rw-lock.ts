/**
 * Many readers or one writer. How they take turns is told in `rw-lock-state.ts`.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import type { LockOptions } from "./lock.ts";
import { RwLockState, type RwLockStatistics } from "./rw-lock-state.ts";

/**
 * Lets many tasks read or one write. First come, first served: a reader does not pass a writer who waits. A hold belongs to the
 * task that acquired it; outside of every task nobody's ownership is checked.
 *
 * @example
 * ```ts
 * const lock = new RwLock({ name: "routes" });
 * {
 *   using _ = await lock.acquireRead();
 *   return await lookUp(path);
 * }
 * ```
 */
export class RwLock {
  readonly #state: RwLockState;

  constructor(options: LockOptions = {}) {
    this.#state = new RwLockState(
      options.name === undefined ? "a read-write lock" : `read-write lock "${options.name}"`,
    );
  }

  /**
   * Waits until this task may read, beside other readers, and gives the guard that releases it. Always a checkpoint. Atomic under
   * cancellation: it either holds the lock or throws `Cancelled`.
   *
   * @throws DeadlockError if this task holds the lock or waits for it already, reading or writing, or if it would close a circle of
   * tasks that wait for each other.
   * @throws BrokenError if a task that holds it ended without releasing it.
   */
  acquireRead(): Promise<Disposable> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.acquireRead());
    return this.#state.acquire(scope, false);
  }

  /** Waits until this task may write, alone; else as `acquireRead`. */
  acquireWrite(): Promise<Disposable> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.acquireWrite());
    return this.#state.acquire(scope, true);
  }

  /**
   * The guard if reading can begin now, or `undefined`. Never waits, and never comes before those who do.
   *
   * @throws DeadlockError if this task holds the lock already.
   * @throws BrokenError if a task that holds it ended without releasing it.
   */
  tryAcquireRead(): Disposable | undefined {
    return this.#state.tryAcquire(false);
  }

  /** The guard if writing can begin now, or `undefined`; else as `tryAcquireRead`. */
  tryAcquireWrite(): Disposable | undefined {
    return this.#state.tryAcquire(true);
  }

  /**
   * Releases this task's hold, reading or writing, as disposing its guard does.
   *
   * @throws InvalidStateError if this task has none.
   */
  release(): void {
    this.#state.releaseOf(currentNode().taskNode);
  }

  statistics(): RwLockStatistics {
    return this.#state.statistics();
  }

  static {
    printsAs(RwLock, (lock) => lock.statistics());
  }
}
