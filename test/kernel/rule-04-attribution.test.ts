/** Rule 4: a scope swallows only its own cancellation, and errors say whose they are. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  Cancelled,
  type CancelScope,
  cancelScope,
  checkpoint,
  currentScope,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  TimeoutError,
  taskGroup,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { assertCancelledBy, cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("a scope swallows its own cancellation", () =>
  virtually(async () => {
    let scope: CancelScope | undefined;
    const value = await cancelScope(async (opened) => {
      scope = opened;
      opened.cancel();
      await checkpoint();
      return "value";
    });
    assert.equal(value, undefined);
    assert.equal(scope?.cancelCalled, true);
    assert.equal(scope?.cancelledCaught, true);
  }));

test("cancelCalled without a checkpoint is not cancelledCaught, and the value is kept", () =>
  virtually(async () => {
    let scope: CancelScope | undefined;
    const value = await cancelScope((opened) => {
      scope = opened;
      opened.cancel();
      return "value";
    });
    assert.equal(value, "value");
    assert.equal(scope?.cancelCalled, true);
    assert.equal(scope?.cancelledCaught, false);
  }));

test("an inner scope lets the outer cancellation pass", () =>
  virtually(async () => {
    let inner: CancelScope | undefined;
    let outer: CancelScope | undefined;
    let isPast = false;
    await cancelScope(async (opened) => {
      outer = opened;
      await cancelScope(async (scope) => {
        inner = scope;
        opened.cancel();
        await checkpoint();
      });
      isPast = true;
    });
    assert.equal(isPast, false);
    assert.equal(inner?.cancelCalled, false);
    assert.equal(inner?.cancelledCaught, false);
    assert.equal(outer?.cancelledCaught, true);
  }));

for (const order of ["inner first", "outer first"]) {
  test(`with two scopes cancelled, ${order}, the outermost is named`, () =>
    virtually(async () => {
      await cancelScope(async (outer) => {
        await cancelScope(async (inner) => {
          const waiting = sleepForever();
          const scopes = order === "inner first" ? [inner, outer] : [outer, inner];
          for (const scope of scopes) scope.cancel(scope === inner ? "inner" : "outer");
          for (const wait of [waiting, checkpoint()]) {
            const error = await cancellation(wait);
            assert.equal(error.scope, outer);
            assert.equal(error.reason, "outer");
          }
          assert.equal(inner.reason, "outer");
        });
      });
    }));
}

test("the outermost visible one is named: a shield hides what is outside of it", () =>
  virtually(async () => {
    await cancelScope(async (outer) => {
      outer.cancel();
      await shield(async () => {
        const value = await cancelScope(async (inner) => {
          inner.cancel();
          await assertCancelledBy(inner, checkpoint());
          await checkpoint();
        });
        assert.equal(value, undefined);
        await checkpoint();
      });
      await assertCancelledBy(outer, checkpoint());
    });
  }));

test("an outer cancellation that lands while an inner one unwinds survives", () =>
  virtually(async () => {
    let isPastInner = false;
    let isPastCheckpoint = false;
    let inner: CancelScope | undefined;
    await cancelScope(async (outer) => {
      await cancelScope(async (scope) => {
        inner = scope;
        scope.cancel();
        try {
          await checkpoint();
        } finally {
          outer.cancel();
        }
      });
      isPastInner = true;
      await checkpoint();
      isPastCheckpoint = true;
    });
    assert.equal(inner?.cancelledCaught, true);
    assert.equal(isPastInner, true);
    assert.equal(isPastCheckpoint, false);
  }));

test("the first reason wins, and a reason is optional", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      scope.cancel("first");
      scope.cancel("second");
      assert.equal((await cancellation(checkpoint())).reason, "first");
    });
    await cancelScope(async (scope) => {
      scope.cancel();
      scope.cancel("too late");
      const error = await cancellation(checkpoint());
      assert.equal(error.reason, undefined);
      assert.equal(error.message, 'a cancel scope was cancelled by task "anonymous"');
    });
  }));

test("cancelling a scope that was left does nothing", () =>
  virtually(async () => {
    let kept: CancelScope | undefined;
    await cancelScope((scope) => {
      kept = scope;
    });
    kept?.cancel();
    assert.equal(kept?.cancelCalled, false);
    assert.equal(kept?.isCancelled, false);
    await checkpoint();
  }));

test("Cancelled passes the checks that JavaScript has for aborts, and isCancelled knows ours alone", () =>
  virtually(async () => {
    await cancelScope(
      async (scope) => {
        scope.cancel(new Error("the cause"));
        const error = await cancellation(checkpoint());
        assert.equal(error.name, "AbortError");
        assert.equal(error.code, "ABORT_ERR");
        assert.equal(error.message, 'work was cancelled by task "anonymous": the cause');
        assert.ok(error instanceof Error && error instanceof Cancelled);
        assert.deepEqual(Object.keys(error), [], "printed, it shows no tree of scopes");
        assert.equal(isCancelled(error), true);
      },
      { name: "work" },
    );
    assert.equal(isCancelled(new DOMException("aborted", "AbortError")), false);
    assert.equal(isCancelled(undefined), false);
  }));

test("a reason that cannot be printed does not get in the way", () =>
  virtually(async () => {
    for (const reason of [Object.create(null), Symbol("s"), { toString: () => assert.fail() }]) {
      await cancelScope(async (scope) => {
        scope.cancel(reason);
        assert.equal((await cancellation(checkpoint())).reason, reason);
      });
    }
  }));

test("the cancellation of a task is foreign to who awaits it: no scope of the waiter swallows it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(sleepForever);
      await waitAllTasksBlocked();
      const scopes: CancelScope[] = [];
      const waiting = rejection(
        cancelScope((outer) => {
          scopes.push(outer);
          return moveOnAfter(1_000, async (inner) => {
            scopes.push(inner);
            await task;
          });
        }),
      );
      await waitAllTasksBlocked();
      task.cancel("its own");
      const error = await waiting;
      assert.ok(isCancelled(error));
      assert.equal(error.reason, "its own");
      for (const scope of scopes) {
        assert.equal(scope.cancelCalled, false);
        assert.equal(scope.cancelledCaught, false);
      }
    }),
  ));

test("each waiter keeps its own scope's cancellation apart from the task's", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(sleepForever);
      const waiting = group.spawn(() =>
        cancelScope(async (scope) => {
          queueMicrotask(() => queueMicrotask(() => scope.cancel("mine")));
          await assertCancelledBy(scope, task);
        }),
      );
      await waiting;
      assert.equal(task.done, false);
      task.cancel();
    }),
  ));

test("withTimeout throws TimeoutError for its own expiry alone", () =>
  virtually(async () => {
    let scope: CancelScope | undefined;
    const own = await rejection(
      withTimeout(10, (opened) => {
        scope = opened;
        return sleepForever();
      }),
    );
    assert.ok(own instanceof TimeoutError);
    assert.equal(own.message, "timed out after 10 ms");
    assert.equal(scope?.cancelledCaught, true);

    const byHand = await cancellation(
      withTimeout(10, async (opened) => {
        scope = opened;
        opened.cancel("by hand");
        await checkpoint();
      }),
    );
    assert.equal(byHand.reason, "by hand");
    assert.equal(byHand.scope, scope);
    assert.equal(scope?.cancelledCaught, false, "it was not swallowed");

    let outer: CancelScope | undefined;
    const value = await cancelScope(async (opened) => {
      outer = opened;
      opened.deadline = 15;
      await withTimeout(100, sleepForever);
    });
    assert.equal(value, undefined);
    assert.equal(outer?.cancelledCaught, true);
  }));

test("a deadline that passes after a cancellation by hand does not change whose it was", () =>
  virtually(async () => {
    const error = await cancellation(
      withTimeout(10, async (scope) => {
        scope.cancel("by hand");
        await shield(() => sleep(20));
        await checkpoint();
      }),
    );
    assert.equal(error.reason, "by hand");
  }));

test("an outer deadline that passes during the unwind of an inner one comes through", () =>
  virtually(async () => {
    const log: unknown[] = [];
    await moveOnAfter(20, async () => {
      try {
        await withTimeout(10, async () => {
          try {
            await sleepForever();
          } finally {
            await shield(() => sleep(15));
          }
        });
      } catch (error) {
        log.push((error as Error).name);
        await checkpoint();
        log.push("not reached");
      }
    });
    assert.deepEqual(log, ["TimeoutError"]);
  }));

test("a shield that is cancelled by hand rethrows, and is not cancelledCaught", () =>
  virtually(async () => {
    let scope: CancelScope | undefined;
    const error = await cancellation(
      shield(async (opened) => {
        scope = opened;
        opened.cancel("by hand");
        await checkpoint();
      }),
    );
    assert.equal(error.scope, scope);
    assert.equal(scope?.cancelledCaught, false);
  }));

test("currentScope is the innermost one, and a cancelled scope's signal carries its Cancelled", () =>
  virtually(async () => {
    await cancelScope(async (outer) => {
      assert.equal(currentScope(), outer);
      await cancelScope(async (inner) => {
        assert.equal(currentScope(), inner);
        const early = inner.signal;
        assert.equal(early.aborted, false);
        outer.cancel("why");
        assert.equal(early.aborted, true);
        assert.ok(isCancelled(early.reason));
        assert.equal(early.reason.scope, outer);
      });
      assert.equal(outer.signal.aborted, true);
    });
  }));

test("abortable turns the abort of its own signal into the scope's Cancelled", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = group.spawn(() =>
        cancelScope(async (scope) => {
          queueMicrotask(() => scope.cancel("why"));
          const error = await cancellation(
            abortable(
              (signal) =>
                new Promise((_, reject) => {
                  signal.addEventListener("abort", () => reject(new DOMException("This was aborted", "AbortError")));
                }),
            ),
          );
          assert.equal(error.scope, scope);
          assert.equal(error.reason, "why");
        }),
      );
      await waiting;
    }),
  ));

test("the origin of a cancellation by code outside of every run says that, though a scope is open", async () => {
  const origin = await cancelScope(async (outer) => {
    const { origin } = await cancellation(
      taskGroup(async (group) => {
        const task = group.spawn(() => sleepForever());
        group.cancelAll("enough");
        await task;
      }),
    );
    outer.cancel();
    return origin;
  });
  assert.equal(origin, "code outside of every task");
});
