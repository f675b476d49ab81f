/**
 * Exceptions through delegation: `throw` and `return` reach the innermost generator first, and unwind from there.
 *
 *   npm run example -- iterators-to-coroutines/07-exceptions
 *
 * `throw(error)` makes the `yield` where a generator sleeps throw; `return()` makes it return. Either way, every
 * `finally` between there and the outside runs, innermost first. A task is cancelled just so: by an error at its `yield`.
 */
import assert from "node:assert/strict";

const log: string[] = [];

function print(line: string): void {
  log.push(line);
  console.log(line);
}

function* inner(): Generator<string, string> {
  try {
    yield "inner waits";
    return "inner ended";
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    print(`  inner catches: ${error.message}`);
    return "inner recovered";
  } finally {
    print("  inner cleans up");
  }
}

function* outer(): Generator<string, string> {
  try {
    return yield* inner();
  } finally {
    print("  outer cleans up");
  }
}

/** Starts `outer`, which then sleeps inside of `inner`. */
function sleeping(): Generator<string, string> {
  const generator = outer();
  assert.deepEqual(generator.next(), { done: false, value: "inner waits" });
  return generator;
}

print("an error that inner knows:");
assert.deepEqual(sleeping().throw(new RangeError("too far")), { done: true, value: "inner recovered" });

print("an error that nobody knows comes out again, as it was:");
const error = new Error("no idea");
assert.throws(
  () => sleeping().throw(error),
  (thrown) => thrown === error,
);

print("a return passes every catch and runs every finally:");
assert.deepEqual(sleeping().return("enough"), { done: true, value: "enough" });

print("an error before the first next() finds no try to run in:");
const length = log.length;
assert.throws(() => outer().throw(error), error);
assert.equal(log.length, length);
print("  nothing to clean up");
