/**
 * The books of what at most so many tasks hold at a time: no more than that ever do, nothing is handed to nobody, those who wait are
 * served in their order, `try` passes none of them, and in the end all of it can be had again.
 */
import assert from "node:assert/strict";
import { CapacityLimiter, currentScope, DeadlockError, Lock, RwLock, Semaphore } from "coppice";
import type { Book, Executor, Life } from "../book.ts";
import type { Use } from "../program.ts";
import { Asks, rethrow } from "./asks.ts";
import type { Holders } from "./holders.ts";

/** One way to have it. */
interface Way {
  /** How much of the whole it takes. */
  readonly share: number;
  acquire(): Promise<Disposable>;
  tryAcquire(): Disposable | undefined;
  release(): void;
}

interface Exclusive {
  /** How much there is. */
  readonly whole: number;
  /** Whether it belongs to the task that acquired it, which must not ask twice. */
  readonly isOwned: boolean;
  readonly ways: readonly Way[];
  look(): { readonly held: number; readonly waiting: number };
  /** Has as much of it as there is, at once. */
  tryAll(): (Disposable | undefined)[];
}

export function lock(): Exclusive {
  const it = new Lock();
  return {
    whole: 1,
    isOwned: true,
    ways: [{ share: 1, acquire: () => it.acquire(), tryAcquire: () => it.tryAcquire(), release: () => it.release() }],
    look: () => ({ held: Number(it.statistics().isLocked), waiting: it.statistics().waiting }),
    tryAll: () => [it.tryAcquire()],
  };
}

export function semaphore(whole: number): Exclusive {
  const it = new Semaphore(whole);
  return {
    whole,
    isOwned: false,
    ways: [{ share: 1, acquire: () => it.acquire(), tryAcquire: () => it.tryAcquire(), release: () => it.release() }],
    look: () => ({ held: whole - it.statistics().available, waiting: it.statistics().waiting }),
    tryAll: () => Array.from({ length: whole }, () => it.tryAcquire()),
  };
}

export function limiter(whole: number): Exclusive {
  const it = new CapacityLimiter(whole);
  return {
    whole,
    isOwned: true,
    ways: [{ share: 1, acquire: () => it.acquire(), tryAcquire: () => it.tryAcquire(), release: () => it.release() }],
    look: () => ({ held: it.statistics().borrowed, waiting: it.statistics().waiting }),
    tryAll: () => Array.from({ length: whole }, (_, borrower) => it.tryAcquireOnBehalfOf(borrower)),
  };
}

/** A writer takes as much as any number of readers do. */
export function rwLock(): Exclusive {
  const it = new RwLock();
  const whole = 1_000;
  const release = (): void => it.release();
  return {
    whole,
    isOwned: true,
    ways: [
      { share: 1, acquire: () => it.acquireRead(), tryAcquire: () => it.tryAcquireRead(), release },
      { share: whole, acquire: () => it.acquireWrite(), tryAcquire: () => it.tryAcquireWrite(), release },
    ],
    look: () => {
      const { readers, writer, waiting } = it.statistics();
      return { held: writer === undefined ? readers : whole, waiting };
    },
    tryAll: () => [it.tryAcquireWrite()],
  };
}

export class ExclusiveBook implements Book {
  readonly #it: Exclusive;
  readonly #asks: Asks;
  readonly #holders: Holders;
  #held = 0;
  /** Those who wait, in the order in which they came. */
  readonly #queue = new Set<{ readonly share: number }>();

  constructor(it: Exclusive, isDrawn: boolean, holders: Holders) {
    this.#it = it;
    this.#asks = new Asks(isDrawn);
    this.#holders = holders;
  }

  async use(step: Use, machine: Executor, life: Life): Promise<void> {
    const way = this.#it.ways[step.action % this.#it.ways.length] as Way;
    const style = Math.floor(step.action / this.#it.ways.length) % 4;
    const mayRefuse = this.#it.isOwned && this.#holders.isInAny();
    // From the asking on, as it may have it some microtasks before it goes on.
    using _ = this.#it.isOwned ? this.#holders.entered() : undefined;
    const guard = style === 0 ? this.#tried(way, mayRefuse) : await this.#acquired(way, mayRefuse, step, machine);
    if (guard === undefined) {
      machine.note(step, "has not got it", life);
      return;
    }
    this.#held += way.share;
    assert.ok(this.#held <= this.#it.whole, "held by more than it has room for");
    const holds = this.#it.isOwned ? this.#holders.entered(this) : undefined;
    try {
      machine.note(step, "has it", life);
      await machine.execute(step.body, life);
    } finally {
      this.#held -= way.share;
      holds?.[Symbol.dispose]();
      if (style === 1) way.release();
      // A semaphore does not know who releases it, so there it is the one or the other.
      if (style !== 1 || this.#it.isOwned) guard[Symbol.dispose]();
      if (style === 2) guard[Symbol.dispose]();
    }
  }

  #tried(way: Way, mayRefuse: boolean): Disposable | undefined {
    const { waiting } = this.#it.look();
    try {
      const guard = way.tryAcquire();
      if (guard === undefined) return undefined;
      assert.equal(waiting, 0, "a try came before those who wait");
      return guard;
    } catch (error) {
      assert.ok(error instanceof DeadlockError && mayRefuse, `a try threw ${error}`);
      return undefined;
    }
  }

  async #acquired(way: Way, mayRefuse: boolean, step: Use, machine: Executor): Promise<Disposable | undefined> {
    const mustRefuse = this.#it.isOwned && this.#holders.isIn(this) && !currentScope().isCancelled;
    const place = { share: way.share };
    const served = await this.#asks.serve<Disposable | undefined>(
      machine,
      step.limitMs,
      async () => {
        this.#queue.add(place);
        try {
          return await way.acquire();
        } finally {
          this.#queue.delete(place);
        }
      },
      (error) => {
        if (!(error instanceof DeadlockError)) return rethrow(error);
        assert.ok(mayRefuse, "a task that has nothing was told of a deadlock");
        return undefined;
      },
    );
    if (mustRefuse && served !== undefined) assert.equal(served.value, undefined, "acquired twice by one task");
    return served?.value;
  }

  check(): void {
    const { held, waiting } = this.#it.look();
    assert.ok(held >= this.#held && held <= this.#it.whole);
    // Readers leave room that a writer cannot use.
    if (waiting > 0) assert.ok(this.#it.ways.length > 1 ? held > 0 : held === this.#it.whole, "free while one waits");
  }

  checkAtRest(): void {
    assert.deepEqual(this.#it.look(), { held: this.#held, waiting: this.#asks.pending });
    for (const { share } of this.#queue) {
      assert.ok(this.#held + share > this.#it.whole, "there is room for the first who waits");
      break;
    }
  }

  async checkAtEnd(): Promise<void> {
    assert.equal(this.#held, 0);
    this.checkAtRest();
    const guards = this.#it.tryAll();
    assert.ok(
      guards.every((guard) => guard !== undefined),
      "lost: it cannot be had any more",
    );
    assert.equal(this.#it.look().held, this.#it.whole);
    for (const guard of guards) guard?.[Symbol.dispose]();
    assert.equal(this.#it.look().held, 0);
  }
}
