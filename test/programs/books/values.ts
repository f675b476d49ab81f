/** What became of the values that went into something: each comes out once, in its order, or is still there, or was dropped before a witness. */
import assert from "node:assert/strict";
import { InOrder } from "./asks.ts";

export class Values {
  #last = 0;
  readonly #accepted = new Set<number>();
  /** Received, or dropped; in the order of that. */
  readonly #gone = new Set<number>();
  readonly #order: InOrder;

  constructor(isDrawn: boolean) {
    this.#order = new InOrder(isDrawn);
  }

  /** The number of another value; numbers are given in the order in which the sending begins. */
  next(): number {
    return ++this.#last;
  }

  accepted(value: number): void {
    this.#accepted.add(value);
  }

  /** `isSeenAtOnce`: without having waited. */
  received(value: number, isSeenAtOnce = false): void {
    this.#order.served(value, isSeenAtOnce);
    this.dropped(value);
  }

  dropped(value: number): void {
    assert.ok(!this.#gone.has(value), `value ${value} came out twice`);
    this.#gone.add(value);
  }

  /** How many were accepted. */
  get count(): number {
    return this.#accepted.size;
  }

  /** How many are left, as far as the tasks know. */
  get left(): number {
    return this.#accepted.size - this.#gone.size;
  }

  /** With what was left in there. */
  checkAtEnd(left: readonly number[]): void {
    for (const value of left) this.received(value, true);
    assert.deepEqual(
      [...this.#accepted].filter((value) => !this.#gone.has(value)),
      [],
      "values were lost",
    );
    assert.deepEqual(
      [...this.#gone].filter((value) => !this.#accepted.has(value)),
      [],
      "values came out that were never sent",
    );
  }
}
