/**
 * A number of permits that tasks take and give back.
 *
 * Invariant: while somebody waits, no permit is free. A released permit goes to the first who waits, at once.
 *
 * It belongs to nobody: whoever likes may release. So it cannot tell when a task waits for itself; a `Lock` and a
 * `CapacityLimiter` can.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { InvalidStateError } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { checkWhole } from "./whole.ts";

/** How many permits a semaphore can have. */
export interface SemaphoreOptions {
  /**
   * How many permits may be free at most: by default as many as there are at the beginning, so that releasing more than was acquired is an
   * error. With `Infinity`, releasing makes new permits, for counting what happens; so it is where there are none at the beginning, as
   * a semaphore that begins empty can only be meant for that.
   */
  readonly max?: number;
}

/** What a semaphore tells of itself, at the moment of asking. */
export interface SemaphoreStatistics {
  /** How many permits are free. */
  readonly available: number;
  readonly max: number;
  /** How many wait for one. */
  readonly waiting: number;
}

/**
 * Lets a number of tasks at a time into a stretch of code. First come, first served.
 *
 * @example
 * ```ts
 * const uploads = new Semaphore(4);
 * {
 *   using _ = await uploads.acquire();
 *   await upload(file);
 * }
 * ```
 */
export class Semaphore {
  #available: number;
  readonly #max: number;
  readonly #waiters = new WaitQueue<SemaphoreWaiter>();

  /** @throws RangeError if `permits` is no whole number of at least 0, or `max` none of at least `permits`. */
  constructor(permits: number, options: SemaphoreOptions = {}) {
    const { max = permits === 0 ? Infinity : permits } = options;
    checkWhole("Semaphore: permits", permits, 0, true);
    checkWhole("Semaphore: max", max, permits, true);
    this.#available = permits;
    this.#max = max;
  }

  /**
   * Waits for a permit and gives the guard that releases it; disposing that a second time does nothing. Dispose of the guard or call
   * `release`, not both. Always a checkpoint. Atomic under cancellation: it either has a permit or throws `Cancelled`.
   */
  acquire(): Promise<Disposable> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.acquire());
    if (this.#available > 0) {
      this.#available--;
      return Promise.resolve(new Permit(this));
    }
    const waiter = new SemaphoreWaiter(scope, this);
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  /** The guard if a permit is free, or `undefined`. Never waits, and never comes before those who do. */
  tryAcquire(): Disposable | undefined {
    if (this.#available === 0) return undefined;
    this.#available--;
    return new Permit(this);
  }

  /**
   * Gives a permit back, from any task and from outside of tasks.
   *
   * @throws InvalidStateError if `max` permits are free already.
   */
  release(): void {
    if (this.#available >= this.#max) {
      throw new InvalidStateError(
        `release of a semaphore whose permits (${this.#max}) are all free: release once for each acquire, or set max`,
      );
    }
    const next = this.#waiters.shift();
    if (next === undefined) this.#available++;
    else next.wake(next.permit);
  }

  statistics(): SemaphoreStatistics {
    return { available: this.#available, max: this.#max, waiting: this.#waiters.size };
  }

  static {
    printsAs(Semaphore, (semaphore) => semaphore.statistics());
  }
}

class Permit implements Disposable {
  #semaphore: Semaphore | undefined;

  constructor(semaphore: Semaphore) {
    this.#semaphore = semaphore;
  }

  [Symbol.dispose](): void {
    const semaphore = this.#semaphore;
    this.#semaphore = undefined;
    semaphore?.release();
  }
}

class SemaphoreWaiter extends Waiter<Disposable> {
  declare readonly permit: Permit;

  constructor(scope: ScopeNode, semaphore: Semaphore) {
    super(scope);
    this.permit = new Permit(semaphore);
  }
}
