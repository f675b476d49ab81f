/** Rule 2: the first failure cancels the rest and is rethrown unchanged; later ones are kept with it. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  Cancelled,
  type CancelScope,
  cancelScope,
  checkpoint,
  currentScope,
  isCancelled,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

class OurError extends Error {}

test("a child's error cancels siblings and body, and is rethrown as the same object", () =>
  virtually(async () => {
    const error = new OurError("child");
    const log: string[] = [];
    const thrown = await rejection(
      taskGroup(async (group) => {
        group.spawn(() => sleepForever().finally(() => log.push("sibling")));
        group.spawn(async () => {
          await sleep(5);
          throw error;
        });
        await sleepForever().finally(() => log.push("body"));
      }),
    );
    assert.equal(thrown, error);
    assert.ok(thrown instanceof OurError);
    assert.deepEqual(log.sort(), ["body", "sibling"]);
    assert.deepEqual(suppressedErrors(error), []);
  }));

test("the body's error cancels the children and is rethrown as the same object", () =>
  virtually(async () => {
    const error = new OurError("body");
    let reason: unknown;
    const thrown = await rejection(
      taskGroup(async (group) => {
        group.spawn(async () => {
          reason = (await cancellation(sleepForever())).reason;
        });
        await sleep(1);
        throw error;
      }),
    );
    assert.equal(thrown, error);
    assert.equal(reason, error, "the siblings are told what the failure was");
  }));

test("a synchronous throw of the body or of a child is a failure like any other", () =>
  virtually(async () => {
    const error = new OurError("sync");
    const throwing = (): never => {
      throw error;
    };
    assert.equal(await rejection(taskGroup(throwing)), error);
    assert.equal(
      await rejection(
        taskGroup((group) => {
          group.spawn(throwing);
        }),
      ),
      error,
    );
  }));

test("errors that come during the unwind are kept in order, each once", () =>
  virtually(async () => {
    const first = new OurError("first");
    const second = new OurError("second");
    const third = new OurError("third");
    const failWhenCancelled = async (error: unknown, ms: number): Promise<void> => {
      try {
        await sleepForever();
      } finally {
        await shield(() => sleep(ms));
        // biome-ignore lint/correctness/noUnsafeFinally: what a failing cleanup does.
        throw error;
      }
    };
    const thrown = await rejection(
      taskGroup(async (group) => {
        group.spawn(() => failWhenCancelled(third, 20));
        group.spawn(() => failWhenCancelled(second, 10));
        group.spawn(() => failWhenCancelled(second, 15));
        await sleep(1);
        throw first;
      }),
    );
    assert.equal(thrown, first);
    assert.deepEqual(suppressedErrors(first), [second, third]);
  }));

test("suppressedErrors is empty for primitives and for errors without any", () => {
  for (const value of [undefined, null, 0, "x", Symbol("x"), new Error("alone"), () => {}]) {
    assert.deepEqual(suppressedErrors(value), []);
  }
});

test("a thrown primitive is a failure, too", () =>
  virtually(async () => {
    let wasCancelled = false;
    const thrown = await rejection(
      taskGroup(async (group) => {
        group.spawn(() => {
          throw "primitive";
        });
        await sleepForever().catch((error) => {
          wasCancelled = isCancelled(error);
          throw error;
        });
      }),
    );
    assert.equal(thrown, "primitive");
    assert.ok(wasCancelled);
  }));

test("a falsy error is a failure, too", () =>
  virtually(async () => {
    let didThrow = false;
    await taskGroup(async (group) => {
      group.spawn(() => Promise.reject(undefined));
      await sleepForever();
    }).catch((error) => {
      didThrow = error === undefined;
    });
    assert.ok(didThrow);
  }));

test("a body that awaits the failing child sees its error, not the cancellation that follows", () =>
  virtually(async () => {
    const error = new OurError("child");
    let seen: unknown;
    const thrown = await rejection(
      taskGroup(async (group) => {
        const task = group.spawn(async () => {
          await sleep(1);
          throw error;
        });
        seen = await rejection(task);
        throw seen;
      }),
    );
    assert.equal(seen, error);
    assert.equal(thrown, error);
    assert.deepEqual(suppressedErrors(error), []);
  }));

test("a body that has handled a child's error fails all the same", () =>
  virtually(async () => {
    const error = new OurError("child");
    const thrown = await rejection(
      taskGroup(async (group) => {
        await rejection(
          group.spawn(() => {
            throw error;
          }),
        );
        return "value";
      }),
    );
    assert.equal(thrown, error);
  }));

test("a child cancelled through its own handle is no failure", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup(async (group) => {
      const task = group.spawn(() => sleepForever());
      group.spawn(async () => {
        await sleep(10);
        log.push("sibling");
      });
      await waitAllTasksBlocked();
      task.cancel("not needed");
      const error = await cancellation(task);
      assert.equal(error.reason, "not needed");
      assert.equal(task.cancelled, true);
      log.push("joined");
    });
    assert.deepEqual(log, ["joined", "sibling"]);
  }));

test("a child that is cancelled through its handle but fails in its cleanup is a failure", () =>
  virtually(async () => {
    const error = new OurError("cleanup");
    const thrown = await rejection(
      taskGroup(async (group) => {
        const task = group.spawn(async () => {
          try {
            await sleepForever();
          } catch {
            throw error;
          }
        });
        await waitAllTasksBlocked();
        task.cancel();
        await sleepForever();
      }),
    );
    assert.equal(thrown, error);
  }));

test("cancelAll ends the children, later ones included, while the body goes on", () =>
  virtually(async () => {
    const log: string[] = [];
    const value = await taskGroup(async (group) => {
      group.spawn(() => sleepForever().finally(() => log.push("first")));
      await waitAllTasksBlocked();
      group.cancelAll("enough");
      await sleep(1);
      group.spawn(async () => {
        const error = await cancellation(sleepForever());
        log.push(String(error.reason));
        throw error;
      });
      await sleep(1);
      return "value";
    });
    assert.equal(value, "value");
    assert.deepEqual(log, ["first", "enough"]);
  }));

test("the first reason of cancelAll wins", () =>
  virtually(async () => {
    let reason: unknown;
    await taskGroup(async (group) => {
      group.spawn(async () => {
        reason = (await cancellation(sleepForever())).reason;
      });
      await waitAllTasksBlocked();
      group.cancelAll("first");
      group.cancelAll("second");
    });
    assert.equal(reason, "first");
  }));

test("a failure during cancelAll still fails the group", () =>
  virtually(async () => {
    const error = new OurError("cleanup");
    const thrown = await rejection(
      taskGroup(async (group) => {
        group.spawn(async () => {
          try {
            await sleepForever();
          } catch {
            throw error;
          }
        });
        await waitAllTasksBlocked();
        group.cancelAll();
        await sleepForever();
      }),
    );
    assert.equal(thrown, error);
  }));

test("cancellations that follow from the failure are not kept with it", () =>
  virtually(async () => {
    const error = new OurError("first");
    await rejection(
      taskGroup(async (group) => {
        const sibling = group.spawn(sleepForever);
        group.spawn(() => sibling);
        group.spawn(() => taskGroup(sleepForever));
        group.spawn(() => shield(() => sibling));
        await waitAllTasksBlocked();
        throw error;
      }),
    );
    assert.deepEqual(suppressedErrors(error), []);
  }));

test("a foreign cancellation that a child lets pass is a failure", () =>
  virtually(() =>
    taskGroup(async (outer) => {
      const foreign = outer.spawn(sleepForever);
      const group = taskGroup(async (group) => {
        group.spawn(async () => await foreign);
        await sleepForever();
      });
      const failing = rejection(group);
      await waitAllTasksBlocked();
      foreign.cancel("elsewhere");
      const error = await failing;
      assert.ok(error instanceof Cancelled);
      assert.equal(error.reason, "elsewhere");
    }),
  ));

test("a cancellation from around the group reaches body and children and is rethrown", () =>
  virtually(async () => {
    const ended: string[] = [];
    let outer: CancelScope | undefined;
    const value = await cancelScope(async (scope) => {
      outer = scope;
      await taskGroup(async (group) => {
        group.spawn(() => sleepForever().finally(() => ended.push("child")));
        await waitAllTasksBlocked();
        scope.cancel();
        await sleepForever().finally(() => ended.push("body"));
      });
      return "not reached";
    });
    assert.equal(value, undefined);
    assert.equal(outer?.cancelledCaught, true);
    assert.deepEqual(ended.sort(), ["body", "child"]);
  }));

test("a failure during a cancellation from outside wins over it", () =>
  virtually(async () => {
    const error = new OurError("cleanup");
    const thrown = await rejection(
      cancelScope(async (scope) => {
        await taskGroup(async (group) => {
          group.spawn(async () => {
            try {
              await sleepForever();
            } catch {
              throw error;
            }
          });
          await waitAllTasksBlocked();
          scope.cancel();
          await sleepForever();
        });
      }),
    );
    assert.equal(thrown, error);
  }));

test("a group that ends by itself during a cancellation from outside keeps its value", () =>
  virtually(async () => {
    const value = await cancelScope((scope) =>
      taskGroup((group) => {
        group.spawn(() => {});
        scope.cancel();
        return "value";
      }),
    );
    assert.equal(value, "value");
  }));

test("a failure passes nested groups unchanged and cancels each", () =>
  virtually(async () => {
    const error = new OurError("deep");
    let ended = 0;
    const thrown = await rejection(
      taskGroup(async (outer) => {
        outer.spawn(() => sleepForever().finally(() => ended++));
        await taskGroup(async (middle) => {
          middle.spawn(() => sleepForever().finally(() => ended++));
          await taskGroup(async (inner) => {
            inner.spawn(() => sleepForever().finally(() => ended++));
            inner.spawn(async () => {
              await sleep(1);
              throw error;
            });
          });
        });
      }),
    );
    assert.equal(thrown, error);
    assert.equal(ended, 3);
  }));

test("a child that fails with scopes left open cancels them and fails the group", () =>
  virtually(async () => {
    const error = new OurError("child");
    const log: string[] = [];
    const thrown = await rejection(
      taskGroup(async (group) => {
        group.spawn(() => {
          void taskGroup(() => sleepForever().finally(() => log.push("left open")));
          throw error;
        });
        await sleepForever().finally(() => log.push("body"));
      }),
    );
    assert.equal(thrown, error);
    assert.deepEqual(log, ["left open", "body"]);
  }));

test("a group whose own scope is cancelled by hand throws that; it never pretends to have a value", () =>
  virtually(async () => {
    const error = await cancellation(
      taskGroup(async (group) => {
        group.spawn(sleepForever);
        currentScope().cancel("by hand");
        await checkpoint();
        return "value";
      }),
    );
    assert.equal(error.reason, "by hand");
  }));

test("a group whose own deadline passes throws its cancellation", () =>
  virtually(async () => {
    const error = await cancellation(
      taskGroup(async () => {
        currentScope().deadline = 10;
        await sleepForever();
      }),
    );
    assert.equal(error.reason, "deadline passed");
  }));

test("a timeout inside a child is the child's failure", () =>
  virtually(async () => {
    const error = await rejection(
      taskGroup(async (group) => {
        group.spawn(() => withTimeout(5, sleepForever));
        await sleepForever();
      }),
    );
    assert.equal((error as Error).name, "TimeoutError");
  }));

test("a task whose result has a then that cannot be read fails with that error", () =>
  virtually(async () => {
    const error = new Error("no then");
    // biome-ignore lint/suspicious/noThenProperty: it is what this test is about.
    const result = Object.defineProperty({}, "then", {
      get() {
        throw error;
      },
    });
    assert.equal(
      await rejection(
        taskGroup((group) => {
          group.spawn(() => result);
        }),
      ),
      error,
    );
  }));
