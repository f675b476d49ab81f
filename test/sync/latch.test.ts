import assert from "node:assert/strict";
import test from "node:test";
import { InvalidStateError, Latch, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { virtually } from "../support/virtual.ts";

test("counts must be whole numbers", () => {
  for (const count of [-1, 0.5, Number.NaN, Infinity]) assert.throws(() => new Latch(count), RangeError);
  const latch = new Latch(2);
  for (const by of [0, -1, 0.5, Number.NaN]) assert.throws(() => latch.countDown(by), RangeError);
  assert.equal(latch.count, 2);
});

test("it opens when the count is zero, and stays open", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const latch = new Latch(4);
      const log: number[] = [];
      for (let waiter = 0; waiter < 3; waiter++) {
        group.spawn(async () => {
          await latch.wait();
          log.push(waiter);
        });
      }
      latch.countDown();
      latch.countDown(2);
      await waitAllTasksBlocked();
      assert.equal(latch.count, 1);
      assert.deepEqual(log, []);
      latch.countDown();
      await waitAllTasksBlocked();
      assert.deepEqual(log, [0, 1, 2]);
      await latch.wait();
    }),
  ));

test("a latch of zero is open from the beginning", () =>
  virtually(async () => {
    await new Latch(0).wait();
  }));

test("counting below zero throws and changes nothing", () =>
  virtually(() => {
    const latch = new Latch(2);
    assert.throws(() => latch.countDown(3), InvalidStateError);
    assert.equal(latch.count, 2);
    latch.countDown(2);
    assert.throws(() => latch.countDown(), InvalidStateError);
  }));

test("it may be counted down from anywhere, also from a callback outside of every task", () =>
  virtually(async () => {
    const latch = new Latch(1);
    queueMicrotask(() => latch.countDown());
    await latch.wait();
  }));
