/**
 * An iterator, made by hand: the whole protocol behind `for...of`.
 *
 *   npm run example -- iterators-to-coroutines/01-iterator
 *
 * An iterable is asked for an iterator; the iterator is asked for the next value until it says that it is done.
 * Everything that follows in this folder grows out of these two questions.
 */
import assert from "node:assert/strict";

class Countdown implements Iterable<number> {
  readonly #from: number;

  constructor(from: number) {
    this.#from = from;
  }

  /** Each loop gets an iterator of its own, so that two loops over one countdown do not disturb each other. */
  [Symbol.iterator](): Iterator<number> {
    let left = this.#from;
    return {
      next() {
        return left > 0 ? { done: false, value: left-- } : { done: true, value: undefined };
      },
      /** A loop that is left early says so: the place to close what the iterator holds open. */
      return() {
        console.log(`  left early, with ${left} to go`);
        return { done: true, value: undefined };
      },
    };
  }
}

const countdown = new Countdown(3);

console.log("a loop:");
for (const n of countdown) console.log(`  ${n}`);

console.log("the same loop, by hand:");
const iterator = countdown[Symbol.iterator]();
for (let step = iterator.next(); !step.done; step = iterator.next()) console.log(`  ${step.value}`);
assert.deepEqual(iterator.next(), { done: true, value: undefined }, "an iterator that is done stays done");

console.log("a loop with a break:");
for (const n of countdown) {
  console.log(`  ${n}`);
  if (n === 2) break;
}

// All that takes apart or collects an iterable asks the same two questions.
const [first, ...others] = countdown;
assert.equal(first, 3);
assert.deepEqual(others, [2, 1]);
assert.equal(Math.max(...countdown), 3);
console.log("and spread:", [...countdown]);
