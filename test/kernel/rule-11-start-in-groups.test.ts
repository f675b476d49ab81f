/** Rule 11 and the rest of the group: what ends it, supervisors, background tasks, starts inside of starts, stacks. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  currentLoop,
  ErrorGroup,
  Event,
  isCancelled,
  run,
  shield,
  sleep,
  sleepForever,
  supervisor,
  suppressedErrors,
  type TaskGroup,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

type Started<V> = (value: V) => void;

const ownError = new Error("own");

test("cancelAll while a child starts: its caller gets the child's cancellation, which no scope of the caller swallows", () =>
  virtually(() =>
    taskGroup(async (group) => {
      group.spawn(() => group.cancelAll("over"));
      const error = await cancellation(group.start(sleepForever));
      assert.equal(error.reason, "over");
      await sleep(1);
    }),
  ));

test("start after cancelAll: the child runs to its first checkpoint, and may say before it that it is ready", () =>
  virtually(() =>
    taskGroup(async (group) => {
      group.cancelAll("over");
      let error: unknown;
      const value = await group.start<string>(async (started) => {
        started("ready");
        error = await rejection(sleepForever());
      });
      assert.equal(value, "ready");
      await waitAllTasksBlocked();
      assert.ok(isCancelled(error));
      assert.equal((await cancellation(group.start(sleepForever))).reason, "over");
    }),
  ));

test("a sibling's failure while a child starts: the wait is cut after the child's cleanup, and the failure wins", () =>
  virtually(async () => {
    const log: string[] = [];
    const error = await rejection(
      taskGroup(async (group) => {
        group.spawn(async () => {
          await sleep(10);
          throw ownError;
        });
        try {
          await group.start(async () => {
            try {
              await sleepForever();
            } finally {
              await shield(() => sleep(20));
              log.push(`child cleaned up at ${currentLoop().time()}`);
            }
          });
        } catch (thrown) {
          assert.ok(isCancelled(thrown));
          log.push("caller cut");
          throw thrown;
        }
      }),
    );
    assert.equal(error, ownError);
    assert.deepEqual(log, ["child cleaned up at 30", "caller cut"]);
  }));

test("cleanup that fails after a sibling's failure is kept with it, by way of the caller", () =>
  virtually(async () => {
    const later = new Error("later");
    const error = await rejection(
      taskGroup(async (group) => {
        group.spawn(async () => {
          await sleep(10);
          throw ownError;
        });
        await group.start(async () => {
          try {
            await sleepForever();
          } finally {
            // biome-ignore lint/correctness/noUnsafeFinally: the cleanup fails.
            throw later;
          }
        });
      }),
    );
    assert.equal(error, ownError);
    assert.deepEqual(suppressedErrors(error), [later]);
  }));

test("a child can start another in its own group, also after the body has returned", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup((group) => {
      group.spawn(async () => {
        await sleep(10);
        log.push(
          await group.start<string>(async (started) => {
            await sleep(10);
            started("started late");
            await sleep(10);
            log.push("ended");
          }),
        );
      });
    });
    assert.deepEqual(log, ["started late", "ended"]);
  }));

test("starts nest: the outer child is ready when its own children are", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const leaf = async (started: Started<number>): Promise<void> => {
        await sleep(5);
        started(currentLoop().time());
        await sleepForever();
      };
      const value = await group.start<number[]>((started) =>
        taskGroup(async (inner) => {
          started([await inner.start(leaf), await inner.start(leaf)]);
        }),
      );
      assert.deepEqual(value, [5, 10]);
      group.cancelAll();
    }),
  ));

test("an error deep inside of nested starts reaches the outermost caller, unchanged", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const nest =
        (depth: number) =>
        (started: Started<void>): Promise<void> =>
          taskGroup(async (inner) => {
            await sleep(1);
            if (depth === 0) throw ownError;
            await inner.start(nest(depth - 1));
            started();
          });
      assert.equal(await rejection(group.start(nest(5))), ownError);
      await sleep(10);
    }),
  ));

test("in a supervisor an error before started is the caller's alone, one after it is kept", () =>
  virtually(async () => {
    const later = new Error("later");
    const error = await rejection(
      supervisor(async (group) => {
        assert.equal(await rejection(group.start(() => Promise.reject(ownError))), ownError);
        await group.start(async (started) => {
          started();
          await sleep(1);
          throw later;
        });
        await sleep(10);
      }),
    );
    assert.ok(error instanceof ErrorGroup);
    assert.deepEqual(error.errors, [later]);
  }));

test("a background child that was started serves until the others are done", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup(async (group) => {
      const value = await group.start<string>(
        async (started) => {
          await sleep(10);
          started("ready");
          try {
            await sleepForever();
          } finally {
            log.push(`stopped at ${currentLoop().time()}`);
          }
        },
        { background: true },
      );
      assert.equal(value, "ready");
      group.spawn(() => sleep(30));
    });
    assert.deepEqual(log, ["stopped at 40"]);
  }));

test("somebody outside who starts a background child as the group ends gets its cancellation", () =>
  virtually(() =>
    taskGroup(async (outer) => {
      let inner: TaskGroup | undefined;
      const ending = new Event();
      const opened = outer.spawn(() =>
        taskGroup(async (group) => {
          inner = group;
          await ending.wait();
        }),
      );
      await waitAllTasksBlocked();
      const starting = outer.spawn(() => cancellation((inner as TaskGroup).start(sleepForever, { background: true })));
      await waitAllTasksBlocked();
      ending.set();
      await opened;
      assert.match((await starting).message, /the other tasks of the group are done/);
    }),
  ));

test("start inside of a run inside of a run, and outside of every run", async () => {
  assert.equal(await taskGroup((group) => group.start<string>((started) => started("outside"))), "outside");
  await virtually(async () => {
    assert.equal(await run(() => taskGroup((group) => group.start<string>((started) => started("in")))), "in");
  });
});

test("the stack of InvalidStateError, and of the waiter's cancellation, shows who called start", () =>
  virtually(() =>
    taskGroup(async (group) => {
      async function innerCaller(fn: () => unknown): Promise<void> {
        await group.start(fn);
      }
      async function outerCaller(fn: () => unknown): Promise<void> {
        await innerCaller(fn);
      }
      const unready = (await rejection(outerCaller(() => {}))) as Error;
      assert.match(unready.stack ?? "", /at async innerCaller[\s\S]*at async outerCaller/);
      const task = group.spawn(() => outerCaller(sleepForever));
      await waitAllTasksBlocked();
      task.cancel();
      const cut = await cancellation(task);
      assert.match(cut.stack ?? "", /at async innerCaller[\s\S]*at async outerCaller/);
      const refused = group.spawn(async () => {
        refused.cancel();
        await outerCaller(sleepForever);
      });
      assert.match((await cancellation(refused)).stack ?? "", /at async innerCaller[\s\S]*at async outerCaller/);
    }),
  ));

const abandonments: Record<string, (group: TaskGroup) => Promise<unknown> | unknown> = {
  "the group fails": () => {
    throw ownError;
  },
  "cancelAll cancels the child": async (group) => {
    await sleep(1);
    group.cancelAll();
  },
  "cancelAll comes before the child has run": (group) => group.cancelAll(),
};

for (const [name, end] of Object.entries(abandonments)) {
  test(`a start that nobody awaits raises nothing where ${name}`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(() =>
        taskGroup(async (group) => {
          void group.start(sleepForever);
          await end(group);
        }).catch((error: unknown) => assert.equal(error, ownError)),
      ),
    );
    assert.deepEqual(raised, []);
  });
}

test("a start that nobody awaits and that fails is reported, as any rejection that nobody handles", async () => {
  const raised = await unhandledDuring(() =>
    virtually(() =>
      taskGroup((group) => {
        void group.start(() => Promise.reject(ownError));
      }),
    ),
  );
  assert.deepEqual(raised, [ownError]);
});
