import assert from "node:assert/strict";
import test from "node:test";
import { CapacityLimiter, DeadlockError, InvalidStateError, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("the total must be a whole number, zero or more, or Infinity, at the beginning and later", () => {
  const limiter = new CapacityLimiter(1);
  for (const total of [-1, 0.5, Number.NaN, -Infinity]) {
    const complains = (error: unknown) => error instanceof RangeError && error.message.includes(String(total));
    assert.throws(() => new CapacityLimiter(total), complains);
    assert.throws(() => {
      limiter.total = total;
    }, complains);
  }
  assert.equal(limiter.total, 1);
  for (const total of [0, 5, Infinity]) {
    limiter.total = total;
    assert.equal(limiter.total, total);
  }
});

test("as many tasks as there are tokens are inside at a time", () =>
  virtually(async () => {
    const limiter = new CapacityLimiter(3);
    let inside = 0;
    let most = 0;
    await taskGroup((group) => {
      for (let task = 0; task < 10; task++) {
        group.spawn(async () => {
          using _ = await limiter.acquire();
          most = Math.max(most, ++inside);
          await sleep(1);
          inside--;
        });
      }
    });
    assert.equal(most, 3);
    assert.deepEqual(limiter.statistics(), { total: 3, borrowed: 0, available: 3, waiting: 0 });
  }));

test("a task that has a token is told at once that it asks for another, however many are free", () =>
  virtually(async () => {
    const limiter = new CapacityLimiter(10, { name: "database" });
    await taskGroup((group) => {
      group.spawn(
        async () => {
          using _ = await limiter.acquire();
          const error = await rejection(limiter.acquire());
          assert.ok(error instanceof DeadlockError);
          assert.match(error.message, /task "report" already has a token of capacity limiter "database"/);
          assert.throws(() => limiter.tryAcquire(), DeadlockError);
        },
        { name: "report" },
      );
    });
    assert.equal(limiter.statistics().borrowed, 0);
  }));

test("borrowers may be named: objects, strings, tasks; each has one token at most", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = new CapacityLimiter(5);
      const connection = {};
      const task = group.spawn(() => sleep(1));
      for (const borrower of [connection, "host", task]) {
        await limiter.acquireOnBehalfOf(borrower);
        assert.ok((await rejection(limiter.acquireOnBehalfOf(borrower))) instanceof DeadlockError);
        assert.throws(() => limiter.tryAcquireOnBehalfOf(borrower), DeadlockError);
      }
      const error = await rejection(limiter.acquireOnBehalfOf("host"));
      assert.match((error as Error).message, /borrower "host" already has a token of a capacity limiter/);
      assert.equal(limiter.statistics().borrowed, 3);
      for (const borrower of [task, connection, "host"]) limiter.releaseOnBehalfOf(borrower);
      assert.throws(() => limiter.releaseOnBehalfOf("host"), InvalidStateError);
      assert.equal(limiter.statistics().borrowed, 0);
    }),
  ));

test("a task that is named is the same borrower as the task itself", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = new CapacityLimiter(5);
      const task = group.spawn(async () => {
        assert.ok((await rejection(limiter.acquire())) instanceof DeadlockError);
        limiter.release();
        using _ = await limiter.acquire();
      });
      await limiter.acquireOnBehalfOf(task);
      await task;
      assert.equal(limiter.statistics().borrowed, 0);
    }),
  ));

test("an old guard of a borrower does not touch its new token", () =>
  virtually(async () => {
    const limiter = new CapacityLimiter(2);
    const old = await limiter.acquire();
    limiter.release();
    await limiter.acquire();
    old[Symbol.dispose]();
    assert.equal(limiter.statistics().borrowed, 1);
    assert.throws(() => limiter.tryAcquire(), DeadlockError);
    limiter.release();
    assert.equal(limiter.statistics().borrowed, 0);
  }));

test("release without a token throws, also while waiting for one", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = new CapacityLimiter(1);
      assert.throws(() => limiter.release(), InvalidStateError);
      using _ = await limiter.acquire();
      group.spawn(() => limiter.acquireOnBehalfOf("waiter"));
      await waitAllTasksBlocked();
      assert.throws(() => limiter.releaseOnBehalfOf("waiter"), InvalidStateError);
      assert.deepEqual(limiter.statistics(), { total: 1, borrowed: 1, available: 0, waiting: 1 });
    }),
  ));

test("a borrower whose wait was cancelled may ask again", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = new CapacityLimiter(1);
      const guard = await limiter.acquire();
      const cancelled = group.spawn(() => limiter.acquireOnBehalfOf("host"));
      await waitAllTasksBlocked();
      cancelled.cancel();
      const again = group.spawn(() => limiter.acquireOnBehalfOf("host"));
      await waitAllTasksBlocked();
      guard[Symbol.dispose]();
      (await again)[Symbol.dispose]();
      assert.equal(limiter.statistics().borrowed, 0);
    }),
  ));

test("raising the total wakes as many as there is room for, in the order in which they came", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = new CapacityLimiter(0);
      const log: number[] = [];
      for (let task = 0; task < 5; task++) {
        group.spawn(async () => {
          await limiter.acquire();
          log.push(task);
        });
        await waitAllTasksBlocked();
      }
      limiter.total = 2;
      await waitAllTasksBlocked();
      assert.deepEqual(log, [0, 1]);
      limiter.total = 3;
      await waitAllTasksBlocked();
      assert.deepEqual(log, [0, 1, 2]);
      limiter.total = Infinity;
      await waitAllTasksBlocked();
      assert.deepEqual(log, [0, 1, 2, 3, 4]);
    }),
  ));

test("lowering the total takes no token away, and those that come back are not lent before there is room", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = new CapacityLimiter(3);
      const guards = [];
      for (const borrower of "abc") guards.push(await limiter.acquireOnBehalfOf(borrower));
      limiter.total = 1;
      assert.deepEqual(limiter.statistics(), { total: 1, borrowed: 3, available: 0, waiting: 0 });
      const waiting = group.spawn(() => limiter.acquireOnBehalfOf("d"));
      await waitAllTasksBlocked();
      for (const guard of guards.slice(0, 2)) {
        guard[Symbol.dispose]();
        await waitAllTasksBlocked();
        assert.equal(waiting.done, false);
        assert.equal(limiter.tryAcquire(), undefined);
      }
      guards[2]?.[Symbol.dispose]();
      await waiting;
    }),
  ));

test("outside of every task each acquire is a borrower of its own, and release returns the oldest", async () => {
  const limiter = new CapacityLimiter(2);
  await limiter.acquire();
  await limiter.acquire();
  assert.equal(limiter.tryAcquire(), undefined);
  limiter.release();
  limiter.release();
  assert.throws(() => limiter.release(), InvalidStateError);
});
