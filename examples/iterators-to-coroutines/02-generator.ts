/**
 * A generator: an iterator written as the function that one would write anyway, with `yield` where a value comes out.
 *
 *   npm run example -- iterators-to-coroutines/02-generator
 *
 * The function stops in the middle and goes on later, its local variables intact. That is all that concurrency needs,
 * as the next program shows.
 */
import assert from "node:assert/strict";

function* countdown(from: number): Generator<number, void> {
  console.log("  (starting)");
  try {
    for (let left = from; left > 0; left--) yield left;
  } finally {
    console.log("  (cleaning up)");
  }
}

/** It has no end, and needs none: it computes only what it is asked for. */
function* fibonacci(): Generator<number, never> {
  for (let [a, b] = [0, 1]; ; [a, b] = [b, a + b]) yield a;
}

console.log("calling it runs nothing yet:");
const numbers = countdown(3);

console.log("the first next() starts it:");
assert.deepEqual(numbers.next(), { done: false, value: 3 });

console.log("a loop takes the rest:");
for (const n of numbers) console.log(`  ${n}`);

console.log("a break is a return at the yield, so finally runs:");
for (const n of countdown(3)) {
  console.log(`  ${n}`);
  break;
}

// Generators chain like the pipes of a shell: one value at a time goes through the whole line.
const evens = fibonacci()
  .filter((n) => n % 2 === 0)
  .take(5)
  .toArray();
assert.deepEqual(evens, [0, 2, 8, 34, 144]);
console.log("even Fibonacci numbers:", evens.join(", "));
