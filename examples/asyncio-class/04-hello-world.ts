/**
 * Hello, world, with a pause in the middle: the smallest program that waits.
 *
 *   npm run example -- asyncio-class/04-hello-world            (add --real to wait for real)
 *
 * `run` starts the loop, runs one async function, and is over when that is. (`start` is `run`, but on a clock that jumps.)
 */
import assert from "node:assert/strict";
import { currentLoop, sleep } from "coppice";
import { start } from "../start.ts";

async function hello(): Promise<string> {
  console.log("Hello ...");
  await sleep(1_000);
  console.log("... world!");
  return "done";
}

await start(async () => {
  const startedAt = currentLoop().time();
  assert.equal(await hello(), "done");
  assert.ok(currentLoop().time() - startedAt >= 1_000);
});
