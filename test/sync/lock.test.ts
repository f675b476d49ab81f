import assert from "node:assert/strict";
import test from "node:test";
import {
  BrokenError,
  DeadlockError,
  InvalidStateError,
  Lock,
  sleep,
  sleepForever,
  supervisor,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

test("one task at a time is between acquire and release", () =>
  virtually(async () => {
    const lock = new Lock();
    let inside = 0;
    let entered = 0;
    await taskGroup((group) => {
      for (let task = 0; task < 10; task++) {
        group.spawn(async () => {
          using _ = await lock.acquire();
          entered++;
          assert.equal(++inside, 1);
          await sleep(1);
          inside--;
        });
      }
    });
    assert.equal(entered, 10);
    assert.equal(lock.isLocked, false);
  }));

test("statistics tell who holds it and how many wait", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const lock = new Lock();
      assert.deepEqual(lock.statistics(), { isLocked: false, owner: undefined, waiting: 0 });
      const task = group.spawn(
        async () => {
          using _ = await lock.acquire();
          await sleep(1);
        },
        { name: "holder" },
      );
      group.spawn(async () => {
        using _ = await lock.acquire();
      });
      await waitAllTasksBlocked();
      assert.equal(lock.isLocked, true);
      assert.deepEqual(lock.statistics(), { isLocked: true, owner: "holder", waiting: 1 });
      await task;
    }),
  ));

test("release of a lock that nobody holds throws", () =>
  virtually(() => {
    assert.throws(
      () => new Lock({ name: "accounts" }).release(),
      (error: unknown) => {
        return error instanceof InvalidStateError && /lock "accounts", which nobody holds/.test(error.message);
      },
    );
  }));

test("release by a task that does not hold it throws, names both tasks, and releases nothing", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const lock = new Lock({ name: "accounts" });
      const owner = group.spawn(
        async () => {
          using _ = await lock.acquire();
          await sleep(10);
        },
        { name: "owner" },
      );
      await waitAllTasksBlocked();
      await group.spawn(
        () => {
          assert.throws(
            () => lock.release(),
            (error: unknown) => {
              assert.ok(error instanceof InvalidStateError);
              assert.match(error.message, /release of lock "accounts" by task "thief": it belongs to task "owner"/);
              return true;
            },
          );
        },
        { name: "thief" },
      );
      assert.equal(lock.isLocked, true);
      await owner;
    }),
  ));

test("a lock without a name is called a lock", () =>
  virtually(async () => {
    const lock = new Lock();
    using _ = await lock.acquire();
    const error = await rejection(lock.acquire());
    assert.ok(error instanceof DeadlockError);
    assert.match(error.message, /already holds a lock and/);
  }));

test("an owner that ends without releasing breaks those who wait: they learn its name", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const lock = new Lock({ name: "accounts" });
      const owner = group.spawn(
        async () => {
          await lock.acquire();
          await sleep(10);
        },
        { name: "careless" },
      );
      await waitAllTasksBlocked();
      const waiting = [1, 2].map(() => group.spawn(() => rejection(lock.acquire())));
      await owner;
      for (const task of waiting) {
        const error = await task;
        assert.ok(error instanceof BrokenError);
        assert.match(error.message, /task "careless" ended without releasing lock "accounts"/);
      }
      assert.equal(lock.statistics().waiting, 0);
    }),
  ));

test("those who come later are told, too, and do not wait", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const lock = new Lock();
      await group.spawn(async () => void (await lock.acquire()));
      assert.ok((await rejection(lock.acquire())) instanceof BrokenError);
      assert.ok((await group.spawn(() => rejection(lock.acquire()))) instanceof BrokenError);
      assert.throws(() => lock.tryAcquire(), BrokenError);
      assert.equal(lock.isLocked, true);
    }),
  ));

test("an owner that fails, or is cancelled, without releasing breaks those who wait in other groups", () =>
  virtually(() =>
    supervisor(async (group) => {
      for (const end of ["fails", "is cancelled"]) {
        const lock = new Lock();
        const owner = group.spawn(async () => {
          await lock.acquire();
          await sleep(1);
          if (end === "fails") throw new Error("own");
          await sleepForever();
        });
        await waitAllTasksBlocked();
        const waiting = group.spawn(() => rejection(lock.acquire()));
        await sleep(2);
        owner.cancel();
        await rejection(owner);
        assert.ok((await waiting) instanceof BrokenError, end);
      }
    }),
  ));

test("where the owner's failure cancels the waiters as well, they are cancelled: what is thrown is the failure alone", () =>
  virtually(async () => {
    const lock = new Lock();
    const failure = new Error("own");
    const error = await rejection(
      taskGroup((group) => {
        group.spawn(async () => {
          await lock.acquire();
          await sleep(1);
          throw failure;
        });
        group.spawn(() => lock.acquire());
      }),
    );
    assert.equal(error, failure);
  }));

test("whoever has the guard of a task that ended can still release the lock", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const lock = new Lock();
      const guard = await group.spawn(() => lock.acquire());
      assert.ok((await rejection(lock.acquire())) instanceof BrokenError);
      guard[Symbol.dispose]();
      using _ = await lock.acquire();
    }),
  ));

test("an owner that was handed the lock is watched like one who found it free", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const lock = new Lock();
      const guard = await lock.acquire();
      const careless = group.spawn(async () => void (await lock.acquire()));
      await waitAllTasksBlocked();
      const waiting = group.spawn(() => rejection(lock.acquire()));
      await waitAllTasksBlocked();
      guard[Symbol.dispose]();
      await careless;
      assert.ok((await waiting) instanceof BrokenError);
    }),
  ));

test("a task that ends while it waits, having abandoned the wait, does not get the lock: the next one does", async () => {
  const raised = await unhandledDuring(() =>
    virtually(() =>
      taskGroup(async (group) => {
        const lock = new Lock();
        const guard = await lock.acquire();
        group.spawn(() => void lock.acquire(), { name: "absent-minded" });
        await waitAllTasksBlocked();
        const next = group.spawn(async () => {
          using _ = await lock.acquire();
        });
        await waitAllTasksBlocked();
        guard[Symbol.dispose]();
        await next;
      }),
    ),
  );
  assert.equal(raised.length, 1, "an abandoned wait that fails is a real failure");
  assert.ok(raised[0] instanceof BrokenError);
  assert.match(raised[0].message, /task "absent-minded" ended while it waited for a lock/);
});

test("owners that released leave nothing behind in their tasks", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const locks = Array.from({ length: 5 }, () => new Lock());
      const owner = group.spawn(async () => {
        const guards = [];
        for (const lock of locks) guards.push(await lock.acquire());
        await sleep(1);
        for (const index of [0, 4, 3, 1, 2]) guards[index]?.[Symbol.dispose]();
        await sleep(10);
      });
      await waitAllTasksBlocked();
      const spawnWaiters = () =>
        locks.map((lock) =>
          group.spawn(async () => {
            await lock.acquire();
            await sleep(100);
            lock.release();
          }),
        );
      const waiting = spawnWaiters();
      const waitingLonger = spawnWaiters();
      await sleep(2);
      await owner;
      for (const [index, lock] of locks.entries()) {
        assert.equal(lock.isLocked, true);
        assert.equal(waiting[index]?.done, false);
        assert.equal(waitingLonger[index]?.done, false);
      }
    }),
  ));

test("a second wait in one task is refused though the owner is busy with something else", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const lock = new Lock();
      const gate = Promise.withResolvers<void>();
      group.spawn(async () => {
        using _ = await lock.acquire();
        await gate.promise;
      });
      await waitAllTasksBlocked();
      const first = lock.acquire();
      assert.ok((await rejection(lock.acquire())) instanceof DeadlockError);
      gate.resolve();
      using _ = await first;
    }),
  ));

test("two tasks that wait for each other's lock: who closes the circle is refused, and told the whole of it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const first = new Lock({ name: "first" });
      const second = new Lock({ name: "second" });
      const left = group.spawn(
        async () => {
          using _ = await first.acquire();
          await sleep(1);
          using __ = await second.acquire();
          return "done";
        },
        { name: "left" },
      );
      const right = group.spawn(
        async () => {
          using _ = await second.acquire();
          await sleep(2);
          return await rejection(first.acquire());
        },
        { name: "right" },
      );
      const error = await right;
      assert.ok(error instanceof DeadlockError);
      assert.match(
        error.message,
        /task "right" would wait for ever: for lock "first", held by task "left", which waits for lock "second", held by task "right" itself/,
      );
      assert.equal(await left, "done");
    }),
  ));

test("a circle of many tasks is found, also through scopes that they opened", () =>
  virtually(async () => {
    const size = 50;
    const locks = Array.from({ length: size }, (_, index) => new Lock({ name: `${index}` }));
    const errors: unknown[] = [];
    await taskGroup((group) => {
      for (let task = 0; task < size; task++) {
        group.spawn(
          async () => {
            using _ = await locks[task]!.acquire();
            await sleep(1);
            try {
              await taskGroup(async () => {
                using __ = await locks[(task + 1) % size]!.acquire();
              });
            } catch (error) {
              errors.push(error);
            }
          },
          { name: `task ${task}` },
        );
      }
    });
    assert.equal(errors.length, 1);
    assert.ok(errors[0] instanceof DeadlockError);
    for (let task = 0; task < size; task++) assert.match(errors[0].message, new RegExp(`lock "${task}"`));
  }));

test("a chain of waits that leads to a running task is no circle", () =>
  virtually(async () => {
    const locks = Array.from({ length: 20 }, () => new Lock());
    await taskGroup((group) => {
      for (let task = 0; task < 19; task++) {
        group.spawn(async () => {
          using _ = await locks[task]!.acquire();
          await sleep(task + 1);
          using __ = await locks[task + 1]!.acquire();
        });
      }
      group.spawn(async () => {
        using _ = await locks[19]!.acquire();
        await sleep(100);
      });
    });
  }));

test("what the children of the owner wait for is their own affair", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const first = new Lock();
      const second = new Lock();
      group.spawn(async () => {
        using _ = await first.acquire();
        await taskGroup((inner) => {
          inner.spawn(async () => {
            using __ = await second.acquire();
          });
        });
      });
      using _ = await second.acquire();
      await waitAllTasksBlocked();
      assert.equal(second.statistics().waiting, 1);
      const waiting = group.spawn(async () => {
        using __ = await first.acquire();
      });
      await waitAllTasksBlocked();
      assert.equal(waiting.done, false);
    }),
  ));
