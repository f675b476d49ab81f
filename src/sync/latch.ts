/**
 * A count that goes down to zero once.
 *
 *   closed, count > 0 --countDown--> ... --countDown--> open, count 0        there is no way back
 *
 * Counting below zero is an error: it means that the latch opened before all that was to be waited for had happened.
 */
import { InvalidStateError } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { Event } from "./event.ts";
import { checkWhole } from "./whole.ts";

/** Opens when a number of things have happened. Counting never waits and works outside of tasks too. */
export class Latch {
  #count: number;
  readonly #opened = new Event();

  /** @throws RangeError if `count` is no whole number of at least 0. */
  constructor(count: number) {
    checkWhole("Latch: count", count, 0);
    this.#count = count;
    if (count === 0) this.#opened.set();
  }

  /** How much is left to count down. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes `by` off the count. At zero all who wait are woken, in the order in which they came.
   *
   * @throws InvalidStateError if the count is smaller than that; it stays as it is.
   * @throws RangeError if `by` is no whole number of at least 1.
   */
  countDown(by = 1): void {
    checkWhole("latch.countDown", by, 1);
    if (by > this.#count) {
      throw new InvalidStateError(
        `countDown(${by}) of a latch at ${this.#count}: count each thing once, or begin with more`,
      );
    }
    this.#count -= by;
    if (this.#count === 0) this.#opened.set();
  }

  /** Waits until the count is zero. Always a checkpoint. */
  wait(): Promise<void> {
    return this.#opened.wait();
  }

  static {
    printsAs(Latch, ({ count }) => ({ count }));
  }
}
