import assert from "node:assert/strict";
import test from "node:test";
import { Event, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { virtually } from "../support/virtual.ts";

test("an event is unset until it is set, and stays set", () =>
  virtually(async () => {
    const event = new Event();
    assert.equal(event.isSet, false);
    event.set();
    event.set();
    assert.equal(event.isSet, true);
    await event.wait();
    await event.wait();
  }));

test("setting wakes all who wait, in the order in which they came", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const event = new Event();
      const log: number[] = [];
      for (let waiter = 0; waiter < 5; waiter++) {
        group.spawn(async () => {
          await event.wait();
          log.push(waiter);
        });
        await waitAllTasksBlocked();
      }
      assert.deepEqual(log, []);
      event.set();
      await waitAllTasksBlocked();
      assert.deepEqual(log, [0, 1, 2, 3, 4]);
    }),
  ));

test("those who were cancelled are skipped, the others keep their order", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const event = new Event();
      const log: number[] = [];
      const tasks = Array.from({ length: 5 }, (_, waiter) =>
        group.spawn(async () => {
          await event.wait();
          log.push(waiter);
        }),
      );
      await waitAllTasksBlocked();
      for (const waiter of [0, 2, 4]) tasks[waiter]?.cancel();
      event.set();
      await waitAllTasksBlocked();
      assert.deepEqual(log, [1, 3]);
    }),
  ));

test("set may be called from anywhere, also from a callback outside of every task", () =>
  virtually(async () => {
    const event = new Event();
    queueMicrotask(() => event.set());
    await event.wait();
  }));
