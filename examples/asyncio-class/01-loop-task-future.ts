/**
 * The three words that everything here is made of: loop, future, task.
 *
 *   npm run example -- asyncio-class/01-loop-task-future            (add --real to wait for real)
 *
 *   loop      has a clock, and calls functions when their time has come
 *   future    an outcome that is not there yet; somebody will set it
 *   task      a future that sets itself: the outcome of a function that runs
 */
import assert from "node:assert/strict";
import { currentLoop, Future, InvalidStateError, sleep, taskGroup } from "coppice";
import { start } from "../start.ts";

await start(async () => {
  const loop = currentLoop();
  const startedAt = loop.time();

  const future = new Future<string>({ name: "the timer's" });
  loop.callAt(startedAt + 1_000, () => {
    console.log("loop: it is time");
    future.setResult("set by a timer");
  });

  console.log(`future: is it done? ${future.done}`);
  assert.throws(() => future.result(), InvalidStateError, "there is nothing to give yet");

  console.log(`future: ${await future}`); // the loop runs on, this function does not
  assert.ok(future.done);
  assert.equal(future.result(), "set by a timer", "once it is there it stays, to be had without waiting");

  await taskGroup(async (group) => {
    const task = group.spawn(async () => {
      console.log("task: running");
      await sleep(1_000);
      return 6 * 7;
    });
    console.log(`task: is it done? ${task.done}; it has not even begun`);
    console.log(`task: ${await task}`);
    assert.ok(task.done);
    assert.equal(task.result(), 42);
    assert.equal(task.error(), undefined);
  });

  const seconds = (loop.time() - startedAt) / 1_000;
  assert.ok(seconds >= 2);
  console.log(`loop: ${seconds.toFixed(0)} s have passed`);
});
