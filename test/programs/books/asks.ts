/** Who asked, in which order, and whether they were served in it. */
import assert from "node:assert/strict";
import { currentLoop } from "coppice";
import type { Executor } from "../book.ts";

/**
 * Numbers served in the order of counting, whichever were given up in between. Where the loop draws who goes on first, the order within one moment
 * cannot be seen, and only that between moments counts.
 */
export class InOrder {
  readonly #isDrawn: boolean;
  /** The highest of those that waited. */
  #highest = 0;
  /** The highest of all. */
  #highestOfAll = 0;
  /** The same, in the moments before. */
  #before = 0;
  #now = 0;

  constructor(isDrawn: boolean) {
    this.#isDrawn = isDrawn;
  }

  /** `isSeenAtOnce`: it did not wait, so it may overtake, for who looks, what was served before it in this moment. */
  served(number: number, isSeenAtOnce = false): void {
    const now = currentLoop().time();
    if (now > this.#now) {
      this.#before = this.#highestOfAll;
      this.#now = now;
    }
    const floor = this.#isDrawn || isSeenAtOnce ? this.#before : Math.max(this.#before, this.#highest);
    assert.ok(number > floor, `number ${number} was served after number ${floor}, which came later`);
    if (!isSeenAtOnce) this.#highest = Math.max(this.#highest, number);
    this.#highestOfAll = Math.max(this.#highestOfAll, number);
  }
}

/** Waits for one thing, of which the first that asked is served first. */
export class Asks {
  /** How many wait, as far as their tasks know. */
  pending = 0;
  #last = 0;
  readonly #order: InOrder;

  constructor(isDrawn: boolean) {
    this.#order = new InOrder(isDrawn);
  }

  /** Waits at most so long; `undefined` if that was too short. `refused` may make a value of an error. */
  async serve<T>(
    machine: Executor,
    limitMs: number,
    begin: () => PromiseLike<T>,
    refused: (error: unknown) => T = rethrow,
  ): Promise<{ value: T } | undefined> {
    return await machine.waitAtMost(limitMs, async () => {
      const number = ++this.#last;
      this.pending++;
      try {
        const value = await begin();
        this.#order.served(number);
        return value;
      } catch (error) {
        return refused(error);
      } finally {
        this.pending--;
      }
    });
  }
}

export function rethrow(error: unknown): never {
  throw error;
}

export function pick<T>(list: readonly T[], number: number): T {
  return list[number % list.length] as T;
}
