/**
 * Three factorials at the same time, a second for each multiplication.
 *
 *   npm run example -- asyncio-class/08-parallel-factorials            (add --real to wait for real)
 *
 * One thread, three tasks: while one sleeps the others go on, so all of it takes as long as the longest alone. Each has a
 * `Task<number>` that keeps its result, with its type.
 */
import assert from "node:assert/strict";
import { currentLoop, sleep, taskGroup } from "coppice";
import { start } from "../start.ts";

async function factorial(name: string, n: number): Promise<number> {
  let product = 1;
  for (let factor = 2; factor <= n; factor++) {
    console.log(`Task ${name}: Compute factorial(${factor})...`);
    await sleep(1_000);
    product *= factor;
  }
  console.log(`Task ${name}: factorial(${n}) = ${product}`);
  return product;
}

await start(async () => {
  const startedAt = currentLoop().time();
  const tasks = await taskGroup(async (group) => [
    group.spawn(() => factorial("A", 2)),
    group.spawn(() => factorial("B", 3)),
    group.spawn(() => factorial("C", 4)),
  ]);
  const seconds = (currentLoop().time() - startedAt) / 1_000;

  const results = tasks.map((task) => task.result());
  assert.deepEqual(results, [2, 6, 24]);
  assert.ok(seconds < 4, "three seconds in a row, not six");
  console.log(`${results.join(", ")} after ${seconds.toFixed(0)} s`);
});
