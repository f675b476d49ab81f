/** Rule 11: `group.start` returns when the child says that it is ready; what goes wrong before that is the caller's. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  ClosedError,
  currentTask,
  InvalidStateError,
  isCancelled,
  sleep,
  sleepForever,
  type TaskGroup,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

type Started<V> = (value: V) => void;

/** Ready after 10 ms; serves until it is cancelled. */
async function server(started: Started<string>): Promise<void> {
  await sleep(10);
  started("ready");
  await sleepForever();
}

const ownError = new Error("own");

async function failing(): Promise<never> {
  await sleep(10);
  throw ownError;
}

test("start returns what the child passes to started, when it does", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let isReady = false;
      const value = await group.start<string>(async (started) => {
        await sleep(10);
        isReady = true;
        started("ready");
        await sleepForever();
      });
      assert.equal(value, "ready");
      assert.equal(isReady, true);
      group.cancelAll();
    }),
  ));

test("the child is never entered inside of start", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let isRunning = false;
      const starting = group.start((started) => {
        isRunning = true;
        started();
      });
      assert.equal(isRunning, false);
      await starting;
      assert.equal(isRunning, true);
    }),
  ));

test("started may have no value", () =>
  virtually(() =>
    taskGroup(async (group) => {
      assert.equal(await group.start((started) => started()), undefined);
    }),
  ));

test("a child that called started and returned is over", () =>
  virtually(() =>
    taskGroup(async (group) => {
      assert.equal(await group.start<number>((started) => started(1)), 1);
    }),
  ));

test("a task of a generator function can be started", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const value = await group.start<string>(function* (started) {
        yield* group.spawn(() => sleep(5));
        started("ready");
        yield* group.spawn(() => sleep(5));
      });
      assert.equal(value, "ready");
    }),
  ));

test("an error before started goes to the caller, unchanged, and the group goes on", () =>
  virtually(async () => {
    const result = await taskGroup(async (group) => {
      const sibling = group.spawn(async () => {
        await sleep(50);
        return "sibling";
      });
      assert.equal(await rejection(group.start(failing)), ownError);
      assert.equal(await rejection(group.start(() => Promise.reject(ownError))), ownError);
      assert.equal(
        await rejection(
          group.start(() => {
            throw ownError;
          }),
        ),
        ownError,
      );
      return await sibling;
    });
    assert.equal(result, "sibling");
  }));

test("an error before started that the body does not catch fails the group as any error of the body", () =>
  virtually(async () => {
    let wasCut = false;
    const error = await rejection(
      taskGroup(async (group) => {
        group.spawn(async () => {
          await sleepForever().catch(() => {
            wasCut = true;
          });
        });
        await group.start(failing);
      }),
    );
    assert.equal(error, ownError);
    assert.equal(wasCut, true);
  }));

test("after started the child is an ordinary child: its failure fails the group", () =>
  virtually(async () => {
    const error = await rejection(
      taskGroup(async (group) => {
        const value = await group.start<string>(async (started) => {
          started("ready");
          await sleep(10);
          throw ownError;
        });
        assert.equal(value, "ready");
        await sleepForever();
      }),
    );
    assert.equal(error, ownError);
  }));

test("a child that throws right after started fails the group, and the wait has its value", () =>
  virtually(async () => {
    let value: unknown;
    const error = await rejection(
      taskGroup(async (group) => {
        value = await group.start<string>((started) => {
          started("ready");
          throw ownError;
        });
        await sleepForever();
      }),
    );
    assert.equal(error, ownError);
    assert.equal(value, "ready");
  }));

test("the group waits for a started child to end", () =>
  virtually(async () => {
    let hasEnded = false;
    await taskGroup(async (group) => {
      await group.start(async (started) => {
        started();
        await sleep(100);
        hasEnded = true;
      });
    });
    assert.equal(hasEnded, true);
  }));

test("a child that returns without started is an InvalidStateError of the caller, which names the task", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const error = await rejection(group.start(async function lazyServer() {}));
      assert.ok(error instanceof InvalidStateError);
      assert.match(error.message, /"lazyServer".*started/);
      const named = await rejection(group.start(() => {}, { name: "mine" }));
      assert.ok(named instanceof InvalidStateError);
      assert.match(named.message, /"mine"/);
      const anonymous = await rejection(group.start(() => {}));
      assert.ok(anonymous instanceof InvalidStateError);
      assert.match(anonymous.message, /"anonymous"/);
    }),
  ));

test("the name of the child is its function's, or the one asked for", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const name = (started: Started<string | undefined>): void => started(currentTask()?.name);
      assert.equal(await group.start(name), "name");
      assert.equal(await group.start(name, { name: "other" }), "other");
    }),
  ));

test("started twice is an InvalidStateError in the child", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let second: unknown;
      const value = await group.start<number>((started) => {
        started(1);
        try {
          started(2);
        } catch (error) {
          second = error;
        }
      });
      assert.equal(value, 1);
      assert.ok(second instanceof InvalidStateError);
    }),
  ));

test("started after the child has ended without it does nothing", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let kept: Started<void> = () => {};
      const error = await rejection(
        group.start((started) => {
          kept = started;
        }),
      );
      assert.ok(error instanceof InvalidStateError);
      kept();
    }),
  ));

test("started may be called by another task of the child", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const value = await group.start<string>((started) =>
        taskGroup((inner) => {
          inner.spawn(async () => {
            await sleep(10);
            started("from inside");
          });
        }),
      );
      assert.equal(value, "from inside");
    }),
  ));

async function startInto(group: TaskGroup): Promise<unknown> {
  return await rejection(group.start(server));
}

test("start into a group that has settled is a ClosedError", () =>
  virtually(async () => {
    const group = await taskGroup((opened) => [opened]);
    assert.ok((await startInto(group[0] as TaskGroup)) instanceof ClosedError);
  }));

test("start in another group than the one around: the child is cancelled with its own group", () =>
  virtually(() =>
    taskGroup(async (outer) => {
      let failure: unknown;
      await taskGroup(async (inner) => {
        const waiting = outer.spawn(async () => {
          failure = await cancellation(inner.start(sleepForever, { name: "in inner" }));
        });
        await waitAllTasksBlocked();
        inner.cancelAll("over");
        await waiting;
      });
      assert.ok(isCancelled(failure));
      assert.equal(failure.reason, "over");
    }),
  ));

test("the function of a task is called without a `this`, whether it was given a name or is started", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const seen: unknown[] = [];
      async function note(this: unknown, started?: Started<void>): Promise<void> {
        seen.push(this);
        started?.();
      }
      group.spawn(note);
      group.spawn(note, { name: "named" });
      await group.start(note);
      assert.deepEqual(seen, [undefined, undefined, undefined]);
    }),
  ));
