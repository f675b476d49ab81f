/**
 * A number of tokens, each lent to a borrower who is known by identity; `loans.ts` keeps the books.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import { borrowerOf, type CapacityLimiterStatistics, Loans } from "./loans.ts";
import { checkWhole } from "./whole.ts";

/** How a limiter is called. */
export interface CapacityLimiterOptions {
  /** What it is called in messages. */
  readonly name?: string;
}

/**
 * Lets as many borrowers at a time into a stretch of code as it has tokens. First come, first served. The borrower is the current task,
 * or whoever one names. Outside of every task each acquire is a borrower of its own.
 *
 * @example
 * ```ts
 * const limiter = new CapacityLimiter(10, { name: "database" });
 * {
 *   using _ = await limiter.acquire();
 *   return await query(sql);
 * }
 * ```
 */
export class CapacityLimiter {
  readonly #loans: Loans;

  /** @throws RangeError if `total` is no whole number of at least 0, nor `Infinity`. */
  constructor(total: number, options: CapacityLimiterOptions = {}) {
    checkWhole("CapacityLimiter: total", total, 0, true);
    this.#loans = new Loans(
      options.name === undefined ? "a capacity limiter" : `capacity limiter "${options.name}"`,
      total,
    );
  }

  /** How many tokens there are. Raising it wakes those who wait; lowering it takes no token away, and counts when they come back. */
  get total(): number {
    return this.#loans.total;
  }

  /** @throws RangeError if it is no whole number of at least 0, nor `Infinity`. */
  set total(total: number) {
    checkWhole("limiter.total", total, 0, true);
    this.#loans.total = total;
  }

  /**
   * Waits for a token for the current task, and gives the guard that returns it; disposing that a second time does nothing. Always a
   * checkpoint. Atomic under cancellation: it either has a token or throws `Cancelled`.
   *
   * @throws DeadlockError if the task has one or waits for one already.
   */
  acquire(): Promise<Disposable> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.acquire());
    return this.#loans.acquire(scope, borrowerOf(scope));
  }

  /**
   * Waits for a token for `borrower`, which is known by identity, as the key of a map is. Else as `acquire`.
   *
   * @throws DeadlockError if the borrower has one or waits for one already.
   */
  acquireOnBehalfOf(borrower: unknown): Promise<Disposable> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.acquireOnBehalfOf(borrower));
    return this.#loans.acquire(scope, borrower);
  }

  /**
   * The guard if a token is free, or `undefined`. Never waits, and never comes before those who do.
   *
   * @throws DeadlockError if the task has one or waits for one already.
   */
  tryAcquire(): Disposable | undefined {
    return this.#loans.tryAcquire(borrowerOf(currentNode()));
  }

  /** As `tryAcquire`, for `borrower`. */
  tryAcquireOnBehalfOf(borrower: unknown): Disposable | undefined {
    return this.#loans.tryAcquire(borrower);
  }

  /**
   * Returns the token of the current task, as disposing its guard does. Outside of every task it returns the oldest that was acquired there.
   *
   * @throws InvalidStateError if the task has none.
   */
  release(): void {
    this.#loans.endOf(borrowerOf(currentNode()));
  }

  /**
   * Returns the token of `borrower`, from any task.
   *
   * @throws InvalidStateError if it has none.
   */
  releaseOnBehalfOf(borrower: unknown): void {
    this.#loans.endOf(borrower);
  }

  statistics(): CapacityLimiterStatistics {
    return this.#loans.statistics();
  }

  static {
    printsAs(CapacityLimiter, (limiter) => limiter.statistics());
  }
}
