/** Rule 12 where more than one thing ends a group: failures, cancellations from around it, supervisors, groups in groups. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  cancelScope,
  currentLoop,
  ErrorGroup,
  Event,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  supervisor,
  type Task,
  type TaskGroup,
  TimeoutError,
  taskGroup,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { assertCancelledBy, cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const BACKGROUND = { background: true } as const;
const ownError = new Error("own");

async function cleaningUp(): Promise<void> {
  try {
    await sleepForever();
  } finally {
    await shield(() => sleep(100));
  }
}

test("the body throws: background tasks are cancelled with the rest, and its error wins", () =>
  virtually(async () => {
    const tasks: Task<void>[] = [];
    const error = await rejection(
      taskGroup(async (group) => {
        tasks.push(group.spawn(cleaningUp, BACKGROUND), group.spawn(cleaningUp));
        await sleep(10);
        throw ownError;
      }),
    );
    assert.equal(error, ownError);
    for (const task of tasks) assert.ok(task.cancelled);
    assert.equal(currentLoop().time(), 110);
  }));

test("a sibling fails: background tasks are cancelled at once", () =>
  virtually(async () => {
    let cutAt: number | undefined;
    const error = await rejection(
      taskGroup((group) => {
        group.spawn(async () => {
          await sleepForever().catch(() => {});
          cutAt = currentLoop().time();
        }, BACKGROUND);
        group.spawn(cleaningUp);
        group.spawn(async () => {
          await sleep(10);
          throw ownError;
        });
      }),
    );
    assert.equal(error, ownError);
    assert.equal(cutAt, 10);
  }));

test("a cancellation from around the group reaches them in its name, and passes the group", () =>
  virtually(async () => {
    let inner: unknown;
    const outcome = await moveOnAfter(10, (scope) =>
      taskGroup(async (group) => {
        group.spawn(async () => {
          const error = await cancellation(sleepForever());
          inner = error.scope === scope;
          throw error;
        }, BACKGROUND);
        await sleepForever();
      }),
    );
    assert.equal(outcome, undefined);
    assert.equal(inner, true);
  }));

test("a cancellation from around the group that lands in the cleanup of background tasks survives where they meet it", () =>
  virtually(async () => {
    const scopes: CancelScope[] = [];
    const outcome = await cancelScope(async (scope) => {
      scopes.push(scope);
      return await taskGroup((group) => {
        group.spawn(async () => {
          await sleepForever().catch(() => {});
          await shield(() => sleep(10));
          scope.cancel();
          await sleepForever();
        }, BACKGROUND);
        return "value";
      });
    });
    assert.equal(outcome, undefined);
    assert.equal(scopes[0]?.cancelledCaught, true);
  }));

test("a cancellation from around the group that nobody in it meets any more leaves the value alone", () =>
  virtually(async () => {
    const outcome = await cancelScope((scope) =>
      taskGroup((group) => {
        group.spawn(async () => {
          await sleepForever().catch(() => {});
          await shield(() => sleep(10));
          scope.cancel();
        }, BACKGROUND);
        return "value";
      }),
    );
    assert.equal(outcome, "value");
  }));

test("a timeout counts on while background tasks clean up, and a body that has finished keeps its value", () =>
  virtually(async () => {
    const value = await withTimeout(50, () =>
      taskGroup((group) => {
        group.spawn(cleaningUp, BACKGROUND);
        return "value";
      }),
    );
    assert.equal(value, "value");
    assert.equal(currentLoop().time(), 100);
    const error = await rejection(
      withTimeout(50, () =>
        taskGroup((group) => {
          group.spawn(async () => {
            await sleepForever().catch(() => {});
            await moveOnAfter(1_000, () => shield(sleepForever, { graceMs: 10 }));
          }, BACKGROUND);
          group.spawn(sleepForever);
        }),
      ),
    );
    assert.ok(error instanceof TimeoutError);
  }));

test("one cancelled through its own handle is no failure", () =>
  virtually(async () => {
    const value = await taskGroup(async (group) => {
      const task = group.spawn(sleepForever, BACKGROUND);
      await sleep(10);
      task.cancel();
      assert.ok(isCancelled(await rejection(task)));
      await sleep(10);
      return "value";
    });
    assert.equal(value, "value");
  }));

test("a foreign cancellation that ends one is a failure", () =>
  virtually(() =>
    taskGroup(async (outer) => {
      const other = outer.spawn(sleepForever);
      other.cancel("foreign");
      const error = await cancellation(
        taskGroup(async (group) => {
          group.spawn(async () => await other, BACKGROUND);
          await sleepForever();
        }),
      );
      assert.equal(error.reason, "foreign");
      assert.equal(error.scope, other);
    }),
  ));

test("in a supervisor a failing background task takes nobody down, and its failure is kept", () =>
  virtually(async () => {
    const log: string[] = [];
    const error = await rejection(
      supervisor(async (group) => {
        group.spawn(async () => {
          await sleep(10);
          throw ownError;
        }, BACKGROUND);
        group.spawn(async () => {
          await sleepForever().catch(() => {});
          log.push(`cut at ${currentLoop().time()}`);
          throw new TypeError("cleanup");
        }, BACKGROUND);
        await sleep(50);
      }),
    );
    assert.deepEqual(log, ["cut at 50"]);
    assert.ok(error instanceof ErrorGroup);
    assert.deepEqual(error.errors.map(String), ["Error: own", "TypeError: cleanup"]);
  }));

test("in a supervisor background tasks that are cut at the end are no failures", () =>
  virtually(async () => {
    assert.equal(
      await supervisor((group) => {
        group.spawn(sleepForever, BACKGROUND);
        group.spawn(cleaningUp, BACKGROUND);
        return "value";
      }),
      "value",
    );
  }));

test("a group inside of a background task ends with it, cleanup included", () =>
  virtually(async () => {
    let inner: Task<void> | undefined;
    await taskGroup((group) => {
      group.spawn(
        () =>
          taskGroup((nested) => {
            inner = nested.spawn(cleaningUp, BACKGROUND);
            nested.spawn(cleaningUp);
          }),
        BACKGROUND,
      );
    });
    assert.ok(inner?.cancelled);
    assert.equal(currentLoop().time(), 100);
  }));

test("background tasks of an inner group end before the outer group's, which serve it", () =>
  virtually(async () => {
    const log: string[] = [];
    const noting = (name: string) => async (): Promise<void> => {
      await sleepForever().catch(() => {});
      await shield(() => sleep(5));
      log.push(name);
    };
    await taskGroup(async (outer) => {
      outer.spawn(noting("outer"), BACKGROUND);
      await taskGroup(async (inner) => {
        inner.spawn(noting("inner"), BACKGROUND);
        await sleep(10);
      });
    });
    assert.deepEqual(log, ["inner", "outer"]);
  }));

test("a scope that the body left open counts as work: background tasks serve it, too", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup((group) => {
      group.spawn(async () => {
        await sleepForever().catch(() => {});
        log.push("background cut");
      }, BACKGROUND);
      void cancelScope(async () => {
        await sleep(20);
        log.push("left open, done");
      });
    });
    assert.deepEqual(log, ["left open, done", "background cut"]);
  }));

test("a scope that a background task left open is waited for", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup((group) => {
      group.spawn(() => {
        void cancelScope(async () => {
          await sleepForever().catch(() => {});
          await shield(() => sleep(20));
          log.push("left open, done");
        });
      }, BACKGROUND);
    });
    assert.deepEqual(log, ["left open, done"]);
  }));

test("somebody outside may spawn into a group that waits for its background tasks", () =>
  virtually(() =>
    taskGroup(async (outer) => {
      let opened: TaskGroup | undefined;
      const cleanup = new Event();
      const settled = outer.spawn(() =>
        taskGroup((group) => {
          opened = group;
          group.spawn(async () => {
            await sleepForever().catch(() => {});
            await shield(() => cleanup.wait());
          }, BACKGROUND);
        }),
      );
      await waitAllTasksBlocked();
      const late = (opened as TaskGroup).spawn(() => sleep(10));
      cleanup.set();
      await waitAllTasksBlocked();
      assert.equal(settled.done, false);
      await settled;
      assert.equal(late.done, true);
    }),
  ));

test("the foreground in a cancelled group: background tasks are cut once, in the name of who was first", () =>
  virtually(() =>
    cancelScope(async (scope) => {
      scope.cancel("outer");
      await taskGroup(async (group) => {
        group.spawn(() => assertCancelledBy(scope, sleepForever()), BACKGROUND);
      });
    }),
  ));
