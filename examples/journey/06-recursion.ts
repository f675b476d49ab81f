/**
 * Recursion past the limit of the stack: a coroutine that calls itself a million times.
 *
 *   npm run example -- journey/06-recursion
 *
 * A plain function dies some ten thousand calls deep. A coroutine that delegates with `yield*` is run on a trampoline: its
 * callers wait on the heap, so depth costs memory and nothing else. Errors and `finally` blocks find their way back up, too.
 */
import assert from "node:assert/strict";
import { coroutine, run } from "coppice";

const DEPTH = 1_000_000;

function descend(n: number): number {
  return n === 0 ? 0 : 1 + descend(n - 1);
}

/** Its type is written out because it calls itself, so nothing could be inferred. */
const descendCoroutine = coroutine(function* (n: number): Generator<unknown, number> {
  return n === 0 ? 0 : 1 + (yield* descendCoroutine(n - 1));
});

class Bottom extends Error {}
let cameBack = 0;

const fail = coroutine(function* (n: number): Generator<unknown, never> {
  if (n === 0) throw new Bottom();
  try {
    return yield* fail(n - 1);
  } finally {
    cameBack++;
  }
});

await run(async () => {
  assert.throws(() => descend(DEPTH), RangeError);
  console.log("a function: the stack overflows");

  const depth = await descendCoroutine(DEPTH);
  assert.equal(depth, DEPTH);
  console.log(`a coroutine: ${depth} levels down and up again`);

  await assert.rejects(async () => await fail(DEPTH / 10), Bottom);
  assert.equal(cameBack, DEPTH / 10);
  console.log(`an error from the bottom: ${cameBack} finally blocks ran`);
});
