/**
 * Callbacks: being told when a task is done, without waiting for it.
 *
 *   npm run example -- asyncio-class/03-callbacks            (add --real to wait for real)
 *
 * This is what `await` is made of, and the bridge for code that cannot wait. A callback is called with the task, in the
 * order of adding, and never in the middle of other code: not even when the task is done already.
 */
import assert from "node:assert/strict";
import { sleep, type Task, taskGroup } from "coppice";
import { start } from "../start.ts";

const log: string[] = [];

function print(line: string): void {
  log.push(line);
  console.log(line);
}

function report(task: Task<number>): void {
  print(task.cancelled ? `${task.name}: cancelled` : `${task.name}: ${task.result()}`);
}

async function slowSquare(n: number): Promise<number> {
  await sleep(n * 100);
  return n * n;
}

await start(async () => {
  await taskGroup(async (group) => {
    const three = group.spawn(() => slowSquare(3), { name: "the square of 3" });
    const two = group.spawn(() => slowSquare(2), { name: "the square of 2" });
    const never = group.spawn(() => slowSquare(Number.POSITIVE_INFINITY), { name: "the square of infinity" });
    for (const task of [three, two, never]) task.addDoneCallback(report);
    two.addDoneCallback(() => never.cancel("no time for that"));

    print("nothing is done, and nobody waits");
    await three;

    three.addDoneCallback(() => print("a late callback"));
    print("added a callback to a task that is done");
  });
  assert.equal(log.at(-1), "a late callback", "it came after the line that follows its adding");
});
