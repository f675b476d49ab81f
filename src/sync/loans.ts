/**
 * The tokens of a capacity limiter, and who has them.
 *
 *   borrower unknown --acquire--> waiting --granted--> borrowing --release--> unknown
 *
 * Invariant: somebody waits only while as many tokens are lent as there are, or more (the total was lowered). A token that comes free goes
 * to the first who waits, at once.
 *
 * A borrower has one token at most. A task that could borrow twice would wait for itself when the tokens run out, and a few such
 * tasks for each other: so asking twice is an error at once, however many tokens are free, and not a hang on a busy day.
 */
import { DeadlockError, InvalidStateError } from "../kernel/errors.ts";
import { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { isTask } from "./hold.ts";

/** What a limiter tells of itself, at the moment of asking. */
export interface CapacityLimiterStatistics {
  readonly total: number;
  /** How many tokens are lent: more than the total where that was lowered. */
  readonly borrowed: number;
  readonly available: number;
  /** How many wait for one. */
  readonly waiting: number;
}

export class Loans {
  readonly #title: string;
  #total: number;
  #borrowed = 0;
  /** Of those who have a token, and of those who wait for one. */
  readonly #loans = new Map<unknown, Loan>();
  readonly #waiters = new WaitQueue<LoanWaiter>();

  constructor(title: string, total: number) {
    this.#title = title;
    this.#total = total;
  }

  get total(): number {
    return this.#total;
  }

  set total(total: number) {
    this.#total = total;
    this.#lend();
  }

  acquire(scope: ScopeNode, borrower: unknown): Promise<Disposable> {
    const loan = new Loan(this, borrower);
    const refusal = this.#refusalOf(loan);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#loans.set(loan.borrower, loan);
    if (this.#borrowed < this.#total) {
      this.#grant(loan);
      return Promise.resolve(loan);
    }
    const waiter = new LoanWaiter(scope, loan);
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  /** @throws DeadlockError as `acquire` does. */
  tryAcquire(borrower: unknown): Disposable | undefined {
    const loan = new Loan(this, borrower);
    const refusal = this.#refusalOf(loan);
    if (refusal !== undefined) throw refusal;
    if (this.#borrowed >= this.#total) return undefined;
    this.#loans.set(loan.borrower, loan);
    this.#grant(loan);
    return loan;
  }

  /** Forgets the loan, and lends its token, if it had one, to the next. */
  end(loan: Loan): void {
    this.#loans.delete(loan.borrower);
    if (!loan.isLent) return;
    loan.isLent = false;
    this.#borrowed--;
    this.#lend();
  }

  /** @throws InvalidStateError if the borrower has no token. */
  endOf(borrower: unknown): void {
    const loan = borrower === ANYBODY ? this.#oldestOfAnybody() : this.#loans.get(borrower);
    if (loan?.isLent) {
      this.end(loan);
      return;
    }
    throw new InvalidStateError(
      `release of ${this.#title} by ${titleOf(borrower)}, who has no token of it: acquire one first`,
    );
  }

  statistics(): CapacityLimiterStatistics {
    return {
      total: this.#total,
      borrowed: this.#borrowed,
      available: Math.max(0, this.#total - this.#borrowed),
      waiting: this.#waiters.size,
    };
  }

  #refusalOf({ borrower }: Loan): DeadlockError | undefined {
    const known = this.#loans.get(borrower);
    if (known === undefined) return undefined;
    return new DeadlockError(
      `${titleOf(borrower)} already ${known.isLent ? "has" : "waits for"} a token of ${this.#title}, and could wait for itself: ` +
        "return that one first, or let a task of its own do the other part",
    );
  }

  #grant(loan: Loan): void {
    loan.isLent = true;
    this.#borrowed++;
  }

  #lend(): void {
    while (this.#borrowed < this.#total) {
      const next = this.#waiters.shift();
      if (next === undefined) return;
      this.#grant(next.loan);
      next.wake(next.loan);
    }
  }

  #oldestOfAnybody(): Loan | undefined {
    for (const loan of this.#loans.values()) if (loan.borrower === loan && loan.isLent) return loan;
    return undefined;
  }
}

/** Code outside of every task: each of its loans is a borrower of its own. */
const ANYBODY: unique symbol = Symbol("anybody");

/** The task that `scope` belongs to. */
export function borrowerOf(scope: ScopeNode): unknown {
  const task = scope.taskNode;
  return isTask(task) ? task : ANYBODY;
}

class Loan implements Disposable {
  readonly #loans: Loans;
  readonly borrower: unknown;
  isLent = false;

  constructor(loans: Loans, borrower: unknown) {
    this.#loans = loans;
    this.borrower = borrower === ANYBODY ? this : borrower;
  }

  /** Nobody waits for it any more. */
  abandon(): void {
    this.#loans.end(this);
  }

  [Symbol.dispose](): void {
    if (this.isLent) this.#loans.end(this);
  }
}

class LoanWaiter extends Waiter<Disposable> {
  declare readonly loan: Loan;

  constructor(scope: ScopeNode, loan: Loan) {
    super(scope);
    this.loan = loan;
  }

  protected override abandoned(): void {
    this.loan.abandon();
  }
}

function titleOf(borrower: unknown): string {
  if (borrower instanceof ScopeNode) return `task "${borrower.name}"`;
  if (borrower === ANYBODY) return "code outside of every task";
  return typeof borrower === "string" ? `borrower "${borrower}"` : "this borrower";
}
