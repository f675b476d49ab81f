/**
 * Values go in as well: `next(value)` makes `yield` an expression, and the generator a coroutine.
 *
 *   npm run example -- iterators-to-coroutines/04-send
 *
 * A generator that yields produces; one that receives consumes. One `yield` does both: it hands out a value, sleeps, and
 * wakes up with the answer.
 */
import assert from "node:assert/strict";

/** Takes numbers and hands out their average so far, until it is sent nothing; then it returns how many there were. */
function* average(): Generator<number, number, number | undefined> {
  let count = 0;
  let total = 0;
  for (;;) {
    const sample = yield count === 0 ? Number.NaN : total / count;
    if (sample === undefined) return count;
    count++;
    total += sample;
  }
}

const averages = average();

// It must run to its first yield before anything can be sent: nobody waits for a value yet, so this one would be lost.
const start = averages.next();
assert.ok(Number.isNaN(start.value));

for (const sample of [10, 20, 60]) {
  const { value } = averages.next(sample);
  console.log(`sent ${sample}, the average is ${value}`);
}

const end = averages.next(undefined);
assert.deepEqual(end, { done: true, value: 3 });
console.log(`it returned ${end.value}`);

/** A consumer at the end of a pipe: it keeps the lines that match, as they come. */
function* grep(pattern: RegExp, found: string[]): Generator<undefined, never, string> {
  for (;;) {
    const line = yield;
    if (pattern.test(line)) found.push(line);
  }
}

const found: string[] = [];
const matcher = grep(/coroutine/, found);
matcher.next();
for (const line of ["a list", "a coroutine", "a thread", "two coroutines"]) matcher.next(line);
assert.deepEqual(found, ["a coroutine", "two coroutines"]);
console.log(`grep found: ${found.join(", ")}`);
