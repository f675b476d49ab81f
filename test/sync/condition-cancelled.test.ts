/** What becomes of a wait for a condition that is cancelled, and of its notification. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  Condition,
  cancelScope,
  checkpoint,
  DeadlockError,
  isCancelled,
  Lock,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  type Task,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { spawnWaiter, withLock } from "../support/conditions.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

test("a notified waiter that is cancelled before it has the lock passes the notification on, and still throws with the lock", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const log: string[] = [];
      const first = spawnWaiter(group, condition, log, "first");
      spawnWaiter(group, condition, log, "second");
      spawnWaiter(group, condition, log, "third");
      await waitAllTasksBlocked();
      await withLock(condition, async () => {
        condition.notify();
        first.cancel();
        await sleep(5);
        assert.equal(first.done, false, "it waits for the lock first");
      });
      await assert.rejects(async () => await first, isCancelled);
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["second"]);
      await withLock(condition, () => condition.notify());
    }),
  ));

test("a notification is passed on past all who are cancelled together", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const log: string[] = [];
      const tasks: Task<void>[] = [];
      for (const name of "abcd") tasks.push(spawnWaiter(group, condition, log, name));
      await waitAllTasksBlocked();
      await withLock(condition, () => {
        condition.notify(2);
        for (const task of tasks.slice(0, 3)) task.cancel();
      });
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["d"]);
      assert.equal(condition.statistics().waiting, 0);
    }),
  ));

test("a waiter that is cancelled without a notification takes none from the others", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const log: string[] = [];
      const first = spawnWaiter(group, condition, log, "first");
      spawnWaiter(group, condition, log, "second");
      await waitAllTasksBlocked();
      first.cancel();
      await waitAllTasksBlocked();
      assert.equal(first.cancelled, true);
      assert.deepEqual(log, []);
      await withLock(condition, () => condition.notify());
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["second"]);
    }),
  ));

test("notified, handed the lock and cancelled in the same tick, it goes on and the next checkpoint throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const log: string[] = [];
      const task = group.spawn(() =>
        cancelScope(async (scope) => {
          cancelled = scope;
          using _ = await condition.lock.acquire();
          await condition.wait();
          log.push("went on");
          assert.ok(isCancelled(await rejection(checkpoint())));
        }),
      );
      let cancelled!: CancelScope;
      await waitAllTasksBlocked();
      const guard = await condition.lock.acquire();
      condition.notify();
      guard[Symbol.dispose]();
      cancelled.cancel();
      await task;
      assert.deepEqual(log, ["went on"]);
      assert.equal(condition.lock.isLocked, false);
    }),
  ));

test("the cancellation that it throws names the scope that was cancelled", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const { promise, resolve } = Promise.withResolvers<CancelScope>();
      const task = group.spawn(() =>
        cancelScope(async (scope) => {
          resolve(scope);
          using _ = await condition.lock.acquire();
          const error = await cancellation(condition.wait());
          assert.equal(error.scope, scope);
          assert.equal(error.reason, "why");
          return "caught";
        }),
      );
      const scope = await promise;
      await waitAllTasksBlocked();
      await withLock(condition, () => scope.cancel("why"));
      assert.equal(await task, "caught");
    }),
  ));

test("a timeout around a wait that must have the lock again is over only then", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const task = group.spawn(async () => {
        using _ = await condition.lock.acquire();
        return await moveOnAfter(10, () => condition.wait().then(() => "notified"));
      });
      await waitAllTasksBlocked();
      await withLock(condition, async () => {
        await sleep(20);
        assert.equal(task.done, false);
      });
      assert.equal(await task, undefined);
    }),
  ));

test("a shielded wait does not notice a cancellation outside", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const log: string[] = [];
      const task = group.spawn(async () => {
        using _ = await condition.lock.acquire();
        await shield(() => condition.wait());
        log.push("notified");
        await checkpoint();
      });
      await waitAllTasksBlocked();
      task.cancel();
      await waitAllTasksBlocked();
      assert.equal(task.done, false);
      await withLock(condition, () => condition.notify());
      await assert.rejects(async () => await task, isCancelled);
      assert.deepEqual(log, ["notified"]);
    }),
  ));

test("where the lock cannot be had again, a cancelled wait throws its cancellation without it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const waiter = spawnWaiter(group, condition, [], "waiter");
      await waitAllTasksBlocked();
      const careless = group.spawn(async () => {
        await condition.lock.acquire();
        await sleep(5);
      });
      await waitAllTasksBlocked();
      waiter.cancel();
      await careless;
      await assert.rejects(async () => await waiter, isCancelled);
      assert.equal(condition.lock.isLocked, true);
    }),
  ));

test("where having the lock again would close a circle, a cancelled wait says so", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition(new Lock({ name: "outer" }));
      const inner = new Lock({ name: "inner" });
      const waiter = group.spawn(
        async () => {
          using _ = await condition.lock.acquire();
          using __ = await inner.acquire();
          return await moveOnAfter(5, () => rejection(condition.wait()));
        },
        { name: "waiter" },
      );
      await waitAllTasksBlocked();
      const other = group.spawn(
        () =>
          withLock(condition, async () => {
            using _ = await inner.acquire();
          }),
        { name: "other" },
      );
      const error = await waiter;
      assert.ok(error instanceof DeadlockError);
      assert.match(error.message, /task "waiter" would wait for ever: for lock "outer", held by task "other"/);
      await other;
    }),
  ));

test("in a run in which nothing can ever happen again, a wait that cannot have the lock ends, too", async () => {
  const raised = await unhandledDuring(async () => {
    for (const forever of [() => shield(sleepForever), () => new Promise<never>(() => {})]) {
      for (const isNotified of [false, true]) {
        const error = await rejection(
          virtually(() =>
            taskGroup(async (group) => {
              const condition = new Condition();
              for (const name of ["a", "b"]) spawnWaiter(group, condition, [], name);
              await waitAllTasksBlocked();
              group.spawn(() =>
                withLock(condition, async () => {
                  if (isNotified) condition.notify();
                  await forever();
                }),
              );
            }),
          ),
        );
        assert.ok(error instanceof DeadlockError);
        assert.match(error.message, /every task is blocked/);
      }
    }
  });
  assert.deepEqual(raised, []);
});

test("an abandoned wait that is cancelled raises nothing", async () => {
  const raised = await unhandledDuring(() =>
    virtually(() =>
      taskGroup(async (group) => {
        const condition = new Condition();
        const task = group.spawn(async () => {
          await condition.lock.acquire();
          void condition.wait();
          await sleep(100);
        });
        await waitAllTasksBlocked();
        await withLock(condition, () => {
          condition.notify();
          task.cancel();
        });
      }),
    ),
  );
  assert.deepEqual(raised, []);
});
