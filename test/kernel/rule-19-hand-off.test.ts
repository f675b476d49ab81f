/** Rule 19: hand-off. What one task releases, the first who waits has, and nobody comes in between. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  CapacityLimiter,
  Condition,
  cancelScope,
  checkpoint,
  DeadlockError,
  isCancelled,
  Lock,
  moveOnAfter,
  RwLock,
  Semaphore,
  shield,
  sleep,
  taskGroup,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

interface Exclusive {
  acquire(): Promise<Disposable>;
  tryAcquire(): Disposable | undefined;
  release(): void;
  waiting(): number;
}

interface Kind {
  readonly name: string;
  /** Whether it belongs to the task that acquired it. */
  readonly isOwned: boolean;
  /** Makes one that one task at a time can have. */
  open(): Exclusive;
}

const kinds: readonly Kind[] = [
  {
    name: "lock",
    isOwned: true,
    open: () => {
      const lock = new Lock({ name: "it" });
      return {
        acquire: () => lock.acquire(),
        tryAcquire: () => lock.tryAcquire(),
        release: () => lock.release(),
        waiting: () => lock.statistics().waiting,
      };
    },
  },
  {
    name: "read-write lock, writing",
    isOwned: true,
    open: () => {
      const lock = new RwLock({ name: "it" });
      return {
        acquire: () => lock.acquireWrite(),
        tryAcquire: () => lock.tryAcquireWrite(),
        release: () => lock.release(),
        waiting: () => lock.statistics().waiting,
      };
    },
  },
  {
    name: "semaphore of one",
    isOwned: false,
    open: () => {
      const semaphore = new Semaphore(1);
      return {
        acquire: () => semaphore.acquire(),
        tryAcquire: () => semaphore.tryAcquire(),
        release: () => semaphore.release(),
        waiting: () => semaphore.statistics().waiting,
      };
    },
  },
  {
    name: "capacity limiter of one",
    isOwned: true,
    open: () => {
      const limiter = new CapacityLimiter(1, { name: "it" });
      return {
        acquire: () => limiter.acquire(),
        tryAcquire: () => limiter.tryAcquire(),
        release: () => limiter.release(),
        waiting: () => limiter.statistics().waiting,
      };
    },
  },
  {
    name: "capacity limiter of one, on behalf of somebody",
    isOwned: false,
    open: () => {
      const limiter = new CapacityLimiter(1);
      const held: object[] = [];
      const acquire = async (): Promise<Disposable> => {
        const borrower = {};
        const guard = await limiter.acquireOnBehalfOf(borrower);
        held.push(borrower);
        return guard;
      };
      return {
        acquire,
        tryAcquire: () => limiter.tryAcquireOnBehalfOf({}),
        release: () => limiter.releaseOnBehalfOf(held.pop()),
        waiting: () => limiter.statistics().waiting,
      };
    },
  },
];

for (const { name, isOwned, open } of kinds) {
  test(`${name}: those who wait are served in the order in which they came`, () =>
    virtually(async () => {
      const it = open();
      const log: number[] = [];
      await taskGroup(async (group) => {
        const guard = await it.acquire();
        for (let task = 0; task < 5; task++) {
          group.spawn(async () => {
            using _ = await it.acquire();
            log.push(task);
            await sleep(1);
          });
          await waitAllTasksBlocked();
        }
        assert.equal(it.waiting(), 5);
        guard[Symbol.dispose]();
      });
      assert.deepEqual(log, [0, 1, 2, 3, 4]);
    }));

  test(`${name}: released, it is the first waiter's before that one runs: nobody comes in between`, () =>
    virtually(async () => {
      const it = open();
      const log: string[] = [];
      await taskGroup(async (group) => {
        const guard = await it.acquire();
        group.spawn(async () => {
          using _ = await it.acquire();
          log.push("first");
        });
        await waitAllTasksBlocked();
        guard[Symbol.dispose]();
        assert.equal(it.tryAcquire(), undefined);
        using _ = await it.acquire();
        log.push("newcomer");
      });
      assert.deepEqual(log, ["first", "newcomer"]);
    }));

  test(`${name}: tryAcquire takes what is free, and nothing else`, () =>
    virtually(async () => {
      const it = open();
      const guard = it.tryAcquire();
      assert.ok(guard);
      await taskGroup((group) => {
        group.spawn(() => assert.equal(it.tryAcquire(), undefined));
      });
      guard[Symbol.dispose]();
      await taskGroup((group) => {
        group.spawn(() => {
          using another = it.tryAcquire();
          assert.ok(another);
        });
      });
    }));

  test(`${name}: handed over and cancelled in the same tick, it stays with the waiter, who can release it`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const guard = await it.acquire();
        let handed: Disposable | undefined;
        const first = attempt(group, async () => {
          handed = await it.acquire();
          handed[Symbol.dispose]();
          return "held";
        });
        const second = attempt(group, async () => {
          using _ = await it.acquire();
          return "held";
        });
        await waitAllTasksBlocked();
        guard[Symbol.dispose]();
        first.scope.cancel();
        await first.over;
        assert.equal(first.outcome, "held");
        assert.equal(first.didNextThrow, true);
        await second.over;
        assert.equal(second.outcome, "held");
      }),
    ));

  test(`${name}: those who were cancelled are skipped, the others keep their order`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const guard = await it.acquire();
        const log: number[] = [];
        const tasks = [];
        for (let task = 0; task < 5; task++) {
          tasks.push(
            group.spawn(async () => {
              using _ = await it.acquire();
              log.push(task);
            }),
          );
          await waitAllTasksBlocked();
        }
        for (const task of [0, 2, 4]) tasks[task]?.cancel();
        assert.equal(it.waiting(), 2);
        guard[Symbol.dispose]();
        await waitAllTasksBlocked();
        assert.deepEqual(log, [1, 3]);
        assert.ok(it.tryAcquire());
      }),
    ));

  test(`${name}: a guard disposed of twice releases once, and never what somebody else holds`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const guard = await it.acquire();
        guard[Symbol.dispose]();
        guard[Symbol.dispose]();
        const task = group.spawn(async () => {
          using _ = await it.acquire();
          await sleep(10);
        });
        await waitAllTasksBlocked();
        guard[Symbol.dispose]();
        assert.equal(it.tryAcquire(), undefined);
        await task;
        const own = await it.acquire();
        guard[Symbol.dispose]();
        await taskGroup((inner) => {
          inner.spawn(() => assert.equal(it.tryAcquire(), undefined));
        });
        own[Symbol.dispose]();
      }),
    ));

  test(`${name}: a guard that is disposed of in another task releases`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const guard = await it.acquire();
        await group.spawn(() => guard[Symbol.dispose]());
        using again = it.tryAcquire();
        assert.ok(again);
      }),
    ));

  test(`${name}: released by hand, it can be acquired again`, () =>
    virtually(async () => {
      const it = open();
      for (let round = 0; round < 3; round++) {
        await it.acquire();
        it.release();
      }
      using _ = await it.acquire();
    }));

  test(`${name}: a wait that timed out has had no effect`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const guard = await it.acquire();
        const timed = group.spawn(() => moveOnAfter(5, () => it.acquire()));
        await sleep(10);
        assert.equal(await timed, undefined);
        assert.equal(it.waiting(), 0);
        guard[Symbol.dispose]();
        using again = it.tryAcquire();
        assert.ok(again);
      }),
    ));

  if (!isOwned) continue;

  test(`${name}: acquiring it again in the task that has it throws instead of hanging, and the first hold stays`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        await group.spawn(
          async () => {
            using _ = await it.acquire();
            const error = await rejection(it.acquire());
            assert.ok(error instanceof DeadlockError);
            assert.match(error.message, /task "worker" already (holds|has)/);
            assert.match(error.message, /"it"/);
            const nested = await rejection(withTimeout(1_000, () => shield(() => it.acquire())));
            assert.ok(nested instanceof DeadlockError);
            await group.spawn(() => assert.equal(it.tryAcquire(), undefined));
          },
          { name: "worker" },
        );
        using again = it.tryAcquire();
        assert.ok(again);
      }),
    ));

  test(`${name}: acquiring it again in the task that already waits for it throws, too`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const guard = await it.acquire();
        const task = group.spawn(
          async () => {
            const first = it.acquire();
            const error = await rejection(it.acquire());
            assert.ok(error instanceof DeadlockError);
            assert.match(error.message, /task "worker" already waits/);
            using _ = await first;
          },
          { name: "worker" },
        );
        await waitAllTasksBlocked();
        guard[Symbol.dispose]();
        await task;
        assert.equal(it.waiting(), 0);
      }),
    ));

  test(`${name}: outside of every task nobody's ownership is checked`, async () => {
    const it = open();
    const first = await it.acquire();
    const second = it.acquire();
    // It may have let the event loop have a turn first.
    await sleep(1);
    assert.equal(it.waiting(), 1);
    first[Symbol.dispose]();
    await second;
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        it.release();
        resolve();
      });
    });
    assert.ok(it.tryAcquire());
  });
}

test("a condition's wait has the lock again before it throws its cancellation", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const condition = new Condition();
      const log: string[] = [];
      const task = group.spawn(
        async () => {
          using _ = await condition.lock.acquire();
          try {
            await condition.wait();
          } catch (error) {
            log.push(`threw, ${condition.lock.statistics().owner} has the lock`);
            throw error;
          }
        },
        { name: "waiter" },
      );
      await waitAllTasksBlocked();
      {
        using _ = await condition.lock.acquire();
        task.cancel();
        await sleep(10);
        assert.equal(log.length, 0);
        log.push("released");
      }
      await assert.rejects(async () => await task, isCancelled);
      assert.deepEqual(log, ["released", "threw, waiter has the lock"]);
      assert.equal(condition.lock.isLocked, false);
    }),
  ));

test("what was handed to somebody whose scope is cancelled by the one before is not lost", () =>
  virtually(async () => {
    const lock = new Lock();
    const guard = await lock.acquire();
    await cancelScope((scope) =>
      taskGroup(async (group) => {
        for (let task = 0; task < 3; task++) {
          group.spawn(async () => {
            using _ = await lock.acquire();
            scope.cancel();
            await checkpoint();
          });
        }
        await waitAllTasksBlocked();
        guard[Symbol.dispose]();
      }),
    );
    assert.equal(lock.isLocked, false);
  }));
