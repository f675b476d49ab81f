import assert from "node:assert/strict";
import test from "node:test";
import { InvalidStateError, Semaphore, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { virtually } from "../support/virtual.ts";

test("permits must be a whole number, zero or more, or Infinity, and max no smaller", () => {
  for (const permits of [-1, 0.5, Number.NaN, -Infinity]) {
    assert.throws(
      () => new Semaphore(permits),
      (error: unknown) => error instanceof RangeError && error.message.includes(String(permits)),
    );
  }
  for (const max of [2, Number.NaN, 3.5]) assert.throws(() => new Semaphore(3, { max }), RangeError);
  new Semaphore(0);
  new Semaphore(Infinity);
  new Semaphore(3, { max: 3 });
});

test("as many tasks as there are permits are inside at a time", () =>
  virtually(async () => {
    const semaphore = new Semaphore(3);
    let inside = 0;
    let most = 0;
    await taskGroup((group) => {
      for (let task = 0; task < 10; task++) {
        group.spawn(async () => {
          using _ = await semaphore.acquire();
          most = Math.max(most, ++inside);
          await sleep(1);
          inside--;
        });
      }
    });
    assert.equal(most, 3);
    assert.deepEqual(semaphore.statistics(), { available: 3, max: 3, waiting: 0 });
  }));

test("statistics tell what is free and how many wait", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const semaphore = new Semaphore(1, { max: 2 });
      using _ = await semaphore.acquire();
      const task = group.spawn(() => semaphore.acquire());
      await waitAllTasksBlocked();
      assert.deepEqual(semaphore.statistics(), { available: 0, max: 2, waiting: 1 });
      semaphore.release();
      await task;
    }),
  ));

test("releasing more than was acquired throws, and makes no permit", () =>
  virtually(async () => {
    const semaphore = new Semaphore(2);
    await semaphore.acquire();
    semaphore.release();
    assert.throws(() => semaphore.release(), InvalidStateError);
    assert.equal(semaphore.statistics().available, 2);
    assert.throws(() => new Semaphore(0, { max: 0 }).release(), InvalidStateError);
  }));

test("with a larger max, releasing makes permits up to that", () =>
  virtually(async () => {
    const semaphore = new Semaphore(0, { max: 2 });
    semaphore.release();
    semaphore.release();
    assert.throws(() => semaphore.release(), InvalidStateError);
    await semaphore.acquire();
    await semaphore.acquire();
    assert.equal(semaphore.tryAcquire(), undefined);
  }));

test("one who never acquired may release: it counts what happens", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const arrivals = new Semaphore(0);
      const task = group.spawn(async () => {
        for (let arrival = 0; arrival < 3; arrival++) await arrivals.acquire();
      });
      for (let arrival = 0; arrival < 3; arrival++) queueMicrotask(() => arrivals.release());
      await task;
    }),
  ));

test("a task may take several permits", () =>
  virtually(async () => {
    const semaphore = new Semaphore(2);
    using _ = await semaphore.acquire();
    using __ = await semaphore.acquire();
    assert.equal(semaphore.statistics().available, 0);
  }));

test("an unlimited semaphore never makes anybody wait", () =>
  virtually(async () => {
    const semaphore = new Semaphore(Infinity);
    for (let permit = 0; permit < 1_000; permit++) await semaphore.acquire();
    assert.equal(semaphore.statistics().available, Infinity);
  }));
