/**
 * A future that one task waits for and another one sets, later.
 *
 *   npm run example -- asyncio-class/07-slow-future            (add --real to wait for real)
 *
 * The two know nothing of each other, only the future. It holds the outcome, so it does not matter who comes first: whoever
 * asks when it is there gets it at once.
 */
import assert from "node:assert/strict";
import { currentLoop, Future, sleep, taskGroup } from "coppice";
import { start } from "../start.ts";

async function slowOperation(future: Future<string>): Promise<void> {
  console.log("operation: started");
  await sleep(3_000);
  future.setResult("the future is here");
  console.log("operation: the result is set");
}

async function waitFor(future: Future<string>): Promise<void> {
  console.log("waiter: waiting");
  console.log(`waiter: ${await future}`);
}

await start(async () => {
  const future = new Future<string>();
  await taskGroup(async (group) => {
    group.spawn(() => waitFor(future));
    group.spawn(() => slowOperation(future));
  });

  const askedAt = currentLoop().time();
  console.log(`latecomer: ${await future}`);
  assert.ok(currentLoop().time() - askedAt < 1_000, "no second wait");
});
