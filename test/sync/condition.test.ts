import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, Condition, InvalidStateError, Lock, moveOnAfter, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { spawnWaiter, withLock } from "../support/conditions.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("waiting releases the lock, and has it again when it goes on", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const task = group.spawn(
        async () => {
          using _ = await condition.lock.acquire();
          await condition.wait();
          assert.equal(condition.lock.statistics().owner, "waiter");
          await sleep(10);
        },
        { name: "waiter" },
      );
      await waitAllTasksBlocked();
      assert.equal(condition.lock.isLocked, false);
      assert.deepEqual(condition.statistics(), { waiting: 1 });
      await withLock(condition, async () => {
        condition.notify();
        await sleep(5);
        assert.equal(task.done, false);
      });
      await sleep(5);
      assert.equal(condition.lock.isLocked, true);
      await task;
      assert.equal(condition.lock.isLocked, false);
    }),
  ));

test("notify wakes as many as it is told, in the order in which they came; notifyAll wakes the rest", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const log: string[] = [];
      for (const name of "abcdef") spawnWaiter(group, condition, log, name);
      await waitAllTasksBlocked();
      const wakings: [() => void, string][] = [
        [() => condition.notify(0), ""],
        [() => condition.notify(), "a"],
        [() => condition.notify(2), "abc"],
        [() => condition.notifyAll(), "abcdef"],
        [() => condition.notify(5), "abcdef"],
      ];
      for (const [wake, expected] of wakings) {
        await withLock(condition, wake);
        await waitAllTasksBlocked();
        assert.equal(log.join(""), expected);
      }
    }),
  ));

test("a notification without anybody who waits is not kept", () =>
  virtually(async () => {
    const condition = new Condition();
    await withLock(condition, async () => {
      condition.notifyAll();
      assert.equal(await moveOnAfter(1, () => condition.wait().then(() => "notified")), undefined);
    });
  }));

test("those who wait, or notify, must hold the lock", () =>
  virtually(async () => {
    const condition = new Condition(new Lock({ name: "orders" }));
    for (const wait of [() => condition.wait(), () => condition.waitFor(() => true)]) {
      const error = await rejection(wait());
      assert.ok(error instanceof InvalidStateError);
      assert.match(error.message, /does not hold lock "orders"/);
    }
    assert.throws(() => condition.notify(), InvalidStateError);
    assert.throws(() => condition.notifyAll(), InvalidStateError);
    await taskGroup(async (group) => {
      using _ = await condition.lock.acquire();
      await group.spawn(() => assert.throws(() => condition.notify(), InvalidStateError));
    });
  }));

test("how many to notify must be a whole number, zero or more, or Infinity", () =>
  virtually(async () => {
    const condition = new Condition();
    await withLock(condition, () => {
      for (const count of [-1, 0.5, Number.NaN]) assert.throws(() => condition.notify(count), RangeError);
    });
  }));

test("waitFor looks at once, and again whenever notified", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      let value = 0;
      let looks = 0;
      const task = group.spawn(async () => {
        using _ = await condition.lock.acquire();
        await condition.waitFor(() => {
          looks++;
          return value >= 2;
        });
        assert.equal(condition.lock.isLocked, true);
        await condition.waitFor(() => true);
      });
      for (; value < 3; value++) {
        await withLock(condition, () => condition.notifyAll());
        await waitAllTasksBlocked();
      }
      await task;
      assert.equal(looks, 3);
    }),
  ));

test("a predicate that throws ends waitFor with its error, and the lock is held", () =>
  virtually(async () => {
    const condition = new Condition();
    const error = new Error("own");
    await withLock(condition, async () => {
      const thrown = await rejection(
        condition.waitFor(() => {
          throw error;
        }),
      );
      assert.equal(thrown, error);
      assert.equal(condition.lock.isLocked, true);
    });
  }));

test("a task that ends without releasing the lock breaks those who wait for the condition, though nobody waits for the lock", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const sleeping = group.spawn(() => withLock(condition, () => rejection(condition.wait()).then(noteError)));
      let error: unknown;
      const noteError = (thrown: unknown): void => {
        error = thrown;
      };
      await waitAllTasksBlocked();
      await group.spawn(async () => void (await condition.lock.acquire()));
      await sleeping;
      assert.ok(error instanceof BrokenError);
    }),
  ));

test("several conditions may share a lock", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const lock = new Lock();
      const [full, empty] = [new Condition(lock), new Condition(lock)];
      const log: string[] = [];
      spawnWaiter(group, full, log, "full");
      spawnWaiter(group, empty, log, "empty");
      await waitAllTasksBlocked();
      await withLock(full, () => empty.notifyAll());
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["empty"]);
      await withLock(full, () => full.notifyAll());
    }),
  ));

test("the guard of before is in force again after the wait, and disposing of it during the wait does nothing", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      let guard: Disposable | undefined;
      const task = group.spawn(async () => {
        guard = await condition.lock.acquire();
        await condition.wait();
        assert.equal(condition.lock.isLocked, true);
        guard[Symbol.dispose]();
        assert.equal(condition.lock.isLocked, false);
      });
      await waitAllTasksBlocked();
      await withLock(condition, () => {
        guard?.[Symbol.dispose]();
        assert.equal(condition.lock.isLocked, true);
        condition.notify();
      });
      await task;
    }),
  ));

test("a task that ends without releasing the lock breaks those who wait for the condition, too", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const notified = group.spawn(() => withLock(condition, () => rejection(condition.wait())));
      const sleeping = group.spawn(async () => {
        const guard = await condition.lock.acquire();
        const error = await rejection(condition.wait());
        guard[Symbol.dispose]();
        return error;
      });
      await waitAllTasksBlocked();
      await group.spawn(
        async () => {
          await condition.lock.acquire();
          condition.notify();
        },
        { name: "careless" },
      );
      await notified;
      const error = await sleeping;
      assert.ok(error instanceof BrokenError);
      assert.match(error.message, /task "careless" ended without releasing a lock/);
      assert.equal(condition.statistics().waiting, 0);
    }),
  ));
