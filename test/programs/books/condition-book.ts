/**
 * The books of a condition: whoever comes back from a wait, cut short or not, has the lock; nobody comes back uncalled, and in the order of asking;
 * a call is lost only with a wait that was cut short.
 */
import assert from "node:assert/strict";
import { type CancelScope, Condition, currentLoop, currentScope, DeadlockError } from "coppice";
import type { Book, Executor, Life } from "../book.ts";
import type { Use } from "../program.ts";
import { Asks, rethrow } from "./asks.ts";
import type { Holders } from "./holders.ts";

export class ConditionBook implements Book {
  readonly #condition = new Condition();
  readonly #acquires: Asks;
  readonly #waits: Asks;
  readonly #holders: Holders;
  readonly #waiting = new Set<{ readonly scope: CancelScope; readonly since: number }>();
  #inside = 0;
  #called = 0;
  #returned = 0;
  /** Calls that nobody has heard. */
  #lost = 0;

  constructor(isDrawn: boolean, holders: Holders) {
    this.#acquires = new Asks(isDrawn);
    this.#waits = new Asks(isDrawn);
    this.#holders = holders;
  }

  async use(step: Use, machine: Executor, life: Life): Promise<void> {
    const mayRefuse = this.#holders.isInAny();
    using _ = this.#holders.entered(this);
    const acquired = await this.#acquires.serve<Disposable | undefined>(
      machine,
      // Long enough for those before it to wait for being called.
      step.limitMs + 4,
      () => this.#condition.lock.acquire(),
      (error) => (error instanceof DeadlockError && mayRefuse ? undefined : rethrow(error)),
    );
    if (acquired?.value === undefined) {
      machine.note(step, "has not got the lock", life);
      return;
    }
    const guard = acquired.value;
    this.#enter();
    let isInside = true;
    try {
      if (step.action % 2 === 0) {
        isInside = await this.#wait(step, machine, life);
      } else {
        const count = step.action % 3;
        const { waiting } = this.#condition.statistics();
        if (count === 0) this.#condition.notifyAll();
        else this.#condition.notify(count);
        this.#called += count === 0 ? waiting : Math.min(count, waiting);
        machine.note(step, `calls ${count === 0 ? "all" : count} of ${waiting}`, life);
        if (step.action % 5 === 0) await machine.execute(step.body, life);
      }
    } finally {
      if (isInside) this.#inside--;
      guard[Symbol.dispose]();
    }
  }

  /** Says whether it has the lock again. */
  async #wait(step: Use, machine: Executor, life: Life): Promise<boolean> {
    let isInside = true;
    this.#inside--;
    try {
      const served = await this.#waits.serve<boolean>(
        machine,
        step.limitMs,
        async () => {
          const place = { scope: currentScope(), since: currentLoop().time() };
          this.#waiting.add(place);
          try {
            await this.#condition.wait();
          } finally {
            this.#waiting.delete(place);
          }
          return true;
        },
        (error) => {
          if (!(error instanceof DeadlockError)) return rethrow(error);
          isInside = false;
          return false;
        },
      );
      if (served?.value === true) {
        this.#returned++;
        assert.ok(this.#returned <= this.#called, "came back without being called");
      }
    } finally {
      if (isInside) this.#enter();
    }
    machine.note(step, "comes back", life);
    return isInside;
  }

  #enter(): void {
    this.#inside++;
    assert.equal(this.#inside, 1, "two have the lock of a condition");
  }

  check(): void {
    const { isLocked, waiting } = this.#condition.lock.statistics();
    if (this.#inside > 0 || waiting > 0) assert.ok(isLocked);
  }

  checkAtRest(): void {
    const { isLocked, waiting } = this.#condition.lock.statistics();
    assert.equal(isLocked, this.#inside === 1);
    assert.equal(waiting + this.#condition.statistics().waiting, this.#acquires.pending + this.#waits.pending);
    this.#checkCalls();
  }

  /** A call may only get lost, when the one whom it was for is cancelled, if nobody else could have heard it. */
  #checkCalls(): void {
    const inCondition = this.#condition.statistics().waiting;
    const uncut = [...this.#waiting].filter(({ scope }) => !scope.isCancelled);
    const heard = uncut.length - inCondition;
    const lost = this.#called - this.#returned - heard;
    const isNew = uncut.filter(({ since }) => since === currentLoop().time()).length;
    if (lost > this.#lost) assert.ok(inCondition <= isNew, "a call was lost");
    this.#lost = lost;
  }

  async checkAtEnd(): Promise<void> {
    this.checkAtRest();
    assert.equal(this.#waits.pending + this.#inside, 0);
    const guard = this.#condition.lock.tryAcquire();
    assert.ok(guard, "the lock of a condition was lost");
    guard[Symbol.dispose]();
  }
}
