/** Rule 11: a start whose wait is cancelled, before, during, in the same tick, shielded, nested. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  cancelScope,
  Event,
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
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** Ready after 10 ms; serves until it is cancelled. */
async function server(started: (value: string) => void): Promise<void> {
  await sleep(10);
  started("ready");
  await sleepForever();
}

const ownError = new Error("own");

test("cancelling the wait cancels the child, waits for its cleanup, and is the waiter's own cancellation", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      let error: unknown;
      let reason: unknown;
      const outcome = await cancelScope(async (scope) => {
        group.spawn(async () => {
          await sleep(10);
          scope.cancel("enough");
        });
        try {
          await group.start(async () => {
            try {
              await sleepForever();
            } catch (cut) {
              reason = isCancelled(cut) && cut.reason;
              await shield(() => sleep(100));
              log.push("cleaned up");
              throw cut;
            }
          });
        } catch (thrown) {
          log.push("thrown");
          error = thrown;
          assert.ok(isCancelled(thrown));
          assert.equal(thrown.scope, scope);
          throw thrown;
        }
      });
      assert.equal(outcome, undefined);
      assert.deepEqual(log, ["cleaned up", "thrown"]);
      assert.ok(isCancelled(error));
      assert.equal(reason, "enough");
    }),
  ));

test("a timeout around start cuts it, and the group goes on", () =>
  virtually(async () => {
    const result = await taskGroup(async (group) => {
      const error = await rejection(withTimeout(5, () => group.start(server)));
      assert.ok(error instanceof TimeoutError);
      assert.equal(await moveOnAfter(5, () => group.start(server)), undefined);
      return "went on";
    });
    assert.equal(result, "went on");
  }));

test("cleanup of a child whose start was given up may fail: that error goes to the caller and not the group", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const error = await rejection(
        moveOnAfter(5, () =>
          group.start(async () => {
            try {
              await sleepForever();
            } finally {
              // biome-ignore lint/correctness/noUnsafeFinally: the cleanup fails.
              throw ownError;
            }
          }),
        ),
      );
      assert.equal(error, ownError);
      await sleep(10);
    }),
  ));

test("a child that ends well after its start was given up: the wait throws its cancellation all the same", () =>
  virtually(() =>
    taskGroup(async (group) => {
      await cancelScope(async (scope) => {
        group.spawn(() => scope.cancel());
        await assertCancelledBy(
          scope,
          group.start(async () => {
            await sleepForever().catch(() => {});
          }),
        );
      });
    }),
  ));

test("started after the wait was given up is ignored, also when it is called twice", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const value = await moveOnAfter(5, () =>
        group.start<string>(async (started) => {
          await sleepForever().catch(() => {});
          started("late");
          started("later");
          await shield(() => sleep(10));
        }),
      );
      assert.equal(value, undefined);
    }),
  ));

test("a failure after a late started is still the caller's", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const error = await rejection(
        moveOnAfter(5, () =>
          group.start(async (started) => {
            await sleepForever().catch(() => {});
            started();
            throw ownError;
          }),
        ),
      );
      assert.equal(error, ownError);
    }),
  ));

test("started, then cancelled in the same tick: the value is returned and the next checkpoint throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const go = new Event();
      let child: unknown;
      const waiting = attempt(group, () =>
        group.start<string>(async (started) => {
          await go.wait();
          started("value");
          waiting.scope.cancel();
          child = await rejection(moveOnAfter(5, () => sleepForever()).then(() => Promise.reject("lives")));
        }),
      );
      await waitAllTasksBlocked();
      go.set();
      await waiting.over;
      assert.equal(waiting.outcome, "value");
      assert.equal(waiting.didNextThrow, true);
      await sleep(10);
      assert.equal(child, "lives", "a child that has started does not go with the wait");
    }),
  ));

test("cancelled, then started in the same tick: the wait is given up", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const go = new Event();
      const waiting = attempt(group, () =>
        group.start<string>(async (started) => {
          await go.wait();
          waiting.scope.cancel();
          started("value");
          await sleepForever();
        }),
      );
      await waitAllTasksBlocked();
      go.set();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
    }),
  ));

test("cancelled before: start throws and no child is spawned", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let hasRun = false;
      await cancelScope(async (scope) => {
        scope.cancel();
        await assertCancelledBy(
          scope,
          group.start(() => {
            hasRun = true;
          }),
        );
      });
      await waitAllTasksBlocked();
      assert.equal(hasRun, false);
    }),
  ));

test("cancelled before the child has run: the child still runs to its first checkpoint", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      await cancelScope(async (scope) => {
        const starting = group.start(async () => {
          log.push("entered");
          await sleepForever();
        });
        scope.cancel();
        await assertCancelledBy(scope, starting);
      });
      assert.deepEqual(log, ["entered"]);
    }),
  ));

test("shielded, start does not notice a cancellation outside", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => shield(() => group.start(server)));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "ready");
      assert.equal(waiting.didNextThrow, true);
      group.cancelAll();
    }),
  ));

test("the shield of the caller is not the child's: what cancels the group cuts the start", () =>
  virtually(() =>
    cancelScope((scope) =>
      taskGroup(async (group) => {
        group.spawn(() => scope.cancel());
        await shield(() => assertCancelledBy(scope, group.start(sleepForever)));
      }),
    ),
  ));

test("nested, the outer cancellation passes the scopes in between", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const inner: CancelScope[] = [];
      const waiting = attempt(group, () =>
        cancelScope((scope) => {
          inner.push(scope);
          return cancelScope(() => group.start(sleepForever));
        }),
      );
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.equal(inner[0]?.cancelledCaught, false);
    }),
  ));
