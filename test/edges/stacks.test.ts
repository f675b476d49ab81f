/** Rule 14 at the edges: an error of the library names the user's functions. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import test from "node:test";
import { checkpoint, fromCallback, nextEvent, openEvents, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { assertStack } from "../support/stack.ts";
import { virtually } from "../support/virtual.ts";

const emitter = new EventEmitter();

const waits: Record<string, () => Promise<unknown>> = {
  fromCallback: () => fromCallback(() => {}),
  nextEvent: () => nextEvent(emitter, "ready"),
  "feed.receive": () => openEvents(emitter, "ready", { capacity: 1 }).receive(),
};

for (const [name, wait] of Object.entries(waits)) {
  test(`${name}: cut short, it shows who waits`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        async function innerUser(): Promise<void> {
          await checkpoint();
          await wait();
        }
        async function outerUser(): Promise<void> {
          await innerUser();
        }
        const task = group.spawn(() => rejection(outerUser()));
        await waitAllTasksBlocked();
        task.cancel();
        assertStack(await task, "innerUser", "outerUser");
      }),
    ));
}

test("an overflow shows who receives, be it found or waited for", () =>
  virtually(() =>
    taskGroup(async (group) => {
      using events = openEvents(emitter, "ready", { capacity: 1 });
      async function user(): Promise<void> {
        await checkpoint();
        for (;;) await events.receive();
      }
      const task = group.spawn(() => rejection(user()));
      await waitAllTasksBlocked();
      for (let event = 0; event < 3; event++) emitter.emit("ready");
      assertStack(await task, "user");
      await sleep(1);
      assert.equal(emitter.listenerCount("ready"), 0);
    }),
  ));
