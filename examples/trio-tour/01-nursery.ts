/**
 * A parent and two children: the first program of a tour of structured concurrency, as Trio's tutorial begins it.
 *
 *   npm run example -- trio-tour/01-nursery            (add --real to wait for real)
 *
 * A task group is a nursery: children are started in it, run at the same time, and have all ended when `taskGroup` returns.
 * None can be forgotten, and there is no other place to start one, so a function that has returned has left nothing running.
 */
import assert from "node:assert/strict";
import { currentLoop, sleep, taskGroup } from "coppice";
import { start } from "../start.ts";

async function child(name: string): Promise<void> {
  console.log(`  ${name}: up, and off to sleep for a second`);
  await sleep(1_000);
  console.log(`  ${name}: awake, and done`);
}

async function parent(): Promise<void> {
  console.log("parent: here we go");
  await taskGroup(async (nursery) => {
    console.log("parent: starting the first child...");
    nursery.spawn(() => child("first child"));

    console.log("parent: starting the second child...");
    nursery.spawn(() => child("second child"));

    console.log("parent: waiting for the children...");
    // At the end of this block it waits. They have not even begun: a child first runs when its parent waits for something.
  });
  console.log("parent: all have ended");
}

await start(async () => {
  const startedAt = currentLoop().time();
  await parent();
  const seconds = (currentLoop().time() - startedAt) / 1_000;
  assert.ok(seconds < 2, "they slept at the same time");
  console.log(`two sleeps of a second took ${seconds.toFixed(0)} s`);
});
