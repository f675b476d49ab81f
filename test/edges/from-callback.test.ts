import assert from "node:assert/strict";
import test from "node:test";
import { type CancelScope, cancelScope, currentLoop, fromCallback, isCancelled, taskGroup, withTimeout } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { assertNothingOpen, virtually } from "../support/virtual.ts";

test("it gives the value, be the callback called later or at once", () =>
  virtually(async () => {
    const later = await fromCallback<string>((done) => {
      currentLoop().callAt(10, () => done(null, "later"));
    });
    assert.equal(later, "later");
    assert.equal(await fromCallback<string>((done) => done(undefined, "at once")), "at once");
    assert.equal(await fromCallback((done) => done()), undefined);
  }));

test("it throws the very error that the callback is given, also one that is not an Error", () =>
  virtually(async () => {
    const error = new Error("own");
    assert.equal(await rejection(fromCallback((done) => done(error))), error);
    assert.equal(await rejection(fromCallback((done) => queueMicrotask(() => done(error)))), error);
    assert.equal(await rejection(fromCallback((done) => done(0))), 0);
  }));

test("the first call counts", () =>
  virtually(async () => {
    const value = await fromCallback<number>((done) => {
      done(null, 1);
      done(null, 2);
      done(new Error("late"));
      throw new Error("later still");
    });
    assert.equal(value, 1);
  }));

test("it throws what the function throws", () =>
  virtually(async () => {
    const error = new Error("own");
    const thrown = await rejection(
      fromCallback(() => {
        throw error;
      }),
    );
    assert.equal(thrown, error);
    assertNothingOpen();
  }));

test("cancelled, it calls the function that it was given, once, and throws at once", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      let late: () => void = () => {};
      const waiting = attempt(group, () =>
        fromCallback<string>((done) => {
          late = () => done(new Error("nobody hears of it"), "late");
          return () => log.push("undone");
        }),
      );
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      assert.deepEqual(log, ["undone"]);
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      late();
      assert.deepEqual(log, ["undone"]);
    }),
  ));

test("what was begun is undone only when the wait is cut short", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      const waiting = attempt(group, () =>
        fromCallback<string>((done) => {
          queueMicrotask(() => done(null, "value"));
          return () => log.push("undone");
        }),
      );
      await waiting.over;
      waiting.scope.cancel();
      assert.equal(waiting.outcome, "value");
      assert.deepEqual(log, []);
    }),
  ));

test("it is undone when the whole tree has been told, so it may cancel others", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const other = attempt(group, () => fromCallback(() => {}));
      let wereAllTold = false;
      const task = group.spawn(() =>
        taskGroup(async (inner) => {
          inner.spawn(() =>
            fromCallback(() => () => {
              wereAllTold = last?.isCancelled === true;
              other.scope.cancel();
            }),
          );
          let last: CancelScope | undefined;
          await cancelScope((scope) => {
            last = scope;
            return fromCallback(() => {});
          });
        }),
      );
      await waitAllTasksBlocked();
      task.cancel();
      await other.over;
      assert.equal(other.outcome, "cancelled");
      assert.equal(wereAllTold, true);
    }),
  ));

test("what the undoing throws is thrown instead of the cancellation", () =>
  virtually(async () => {
    const error = new Error("cannot stop");
    const thrown = await rejection(
      withTimeout(5, () =>
        fromCallback(() => () => {
          throw error;
        }),
      ),
    );
    assert.equal(thrown, error);
  }));

test("a function that cancels its own scope before it returns is undone", () =>
  virtually(async () => {
    const log: string[] = [];
    await cancelScope(async (scope) => {
      const error = await rejection(
        fromCallback((done) => {
          scope.cancel();
          done();
          return () => log.push("undone");
        }),
      );
      assert.ok(isCancelled(error));
    });
    assert.deepEqual(log, ["undone"]);
  }));

test("in a cancelled scope the function is not called", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      scope.cancel();
      assert.ok(isCancelled(await rejection(fromCallback(() => assert.fail("not called")))));
    });
  }));

test("abandoned and cancelled it raises nothing, while a real failure is raised", async () => {
  const error = new Error("real");
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      await cancelScope(async (scope) => {
        void fromCallback(() => {});
        void fromCallback((done) => done(error));
        scope.cancel();
      });
    }),
  );
  assert.deepEqual(raised, [error]);
});
