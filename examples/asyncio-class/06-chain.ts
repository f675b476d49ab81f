/**
 * A coroutine that waits for a coroutine, which waits for the clock.
 *
 *   npm run example -- asyncio-class/06-chain            (add --real to wait for real)
 *
 * Written as generators, the way it was done before there was `await`: `yield*` another coroutine to get its result, `yield`
 * a promise to wait for it. Whoever calls from an async function awaits them like any other.
 */
import assert from "node:assert/strict";
import { coroutine, sleep } from "coppice";
import { start } from "../start.ts";

const compute = coroutine(function* (a: number, b: number) {
  console.log(`compute: ${a} + ${b}, which takes a second`);
  yield sleep(1_000);
  return a + b;
});

const printSum = coroutine(function* (a: number, b: number) {
  console.log("printSum: I need a sum");
  const sum = yield* compute(a, b);
  console.log(`printSum: ${a} + ${b} = ${sum}`);
  return sum;
});

await start(async () => {
  assert.equal(await printSum(1, 2), 3);
});
