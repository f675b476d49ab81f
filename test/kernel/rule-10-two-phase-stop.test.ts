/** Rule 10: a graceful stop is a fact to be seen first, and a cancellation after the grace period. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  cancelScope,
  checkpoint,
  currentLoop,
  currentScope,
  shield,
  sleep,
  sleepForever,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { cancellation } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const now = (): number => currentLoop().time();

test("a stop is seen in the scope and inside, not outside, and cancels nothing yet", () =>
  virtually(async () => {
    await cancelScope(async (outer) => {
      await cancelScope(async (scope) => {
        await shield(() =>
          cancelScope(async (inner) => {
            scope.stop({ graceMs: Infinity });
            assert.equal(scope.isStopping, true);
            assert.equal(inner.isStopping, true, "a shield does not hide it");
            assert.equal(outer.isStopping, false);
            assert.equal(scope.cancelCalled, false);
            await checkpoint();
            await inner.whenStopping();
          }),
        );
        await cancelScope((later) => assert.equal(later.isStopping, true));
      });
      assert.equal(outer.isStopping, false);
    });
  }));

test("whoever waits for the stop of a scope or of one inside is woken", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let scope!: CancelScope;
      const log: string[] = [];
      const serving = group.spawn(() =>
        cancelScope(async (opened) => {
          scope = opened;
          await taskGroup((inner) => {
            inner.spawn(async () => {
              await currentScope().whenStopping();
              log.push("task inside");
            });
            inner.spawn(async () => {
              await shield((shielded) => shielded.whenStopping());
              log.push("shield inside");
            });
          });
        }),
      );
      await waitAllTasksBlocked();
      group.spawn(async () => {
        await scope.whenStopping();
        log.push("task outside");
      });
      await waitAllTasksBlocked();
      assert.deepEqual(log, []);
      scope.stop({ graceMs: 1_000 });
      await serving;
      assert.equal(now(), 0);
      await checkpoint();
      assert.deepEqual(log.sort(), ["shield inside", "task inside", "task outside"]);
    }),
  ));

test("what has not ended when the grace period is over is cancelled", () =>
  virtually(async () => {
    let reason: unknown;
    const value = await cancelScope(async (scope) => {
      scope.stop({ graceMs: 100, reason: "shutdown" });
      try {
        await sleepForever();
      } catch (error) {
        reason = scope.reason;
        throw error;
      }
    });
    assert.equal(value, undefined);
    assert.equal(reason, "shutdown");
    assert.equal(now(), 100);
  }));

test("a loop that finishes its current item and leaves is not cancelled", () =>
  virtually(async () => {
    let items = 0;
    const value = await cancelScope(async (scope) => {
      await taskGroup((group) => {
        group.spawn(async () => {
          while (!scope.isStopping) {
            await sleep(10);
            items++;
          }
        });
        group.spawn(async () => {
          await sleep(25);
          scope.stop({ graceMs: 100 });
        });
      });
      return "drained";
    });
    assert.equal(value, "drained");
    assert.equal(items, 3);
    assert.equal(now(), 30);
  }));

test("a second stop can shorten the grace, never lengthen it", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      scope.stop({ graceMs: 100 });
      scope.stop({ graceMs: 1_000 });
      await sleep(10);
      scope.stop({ graceMs: 20 });
      scope.stop({ graceMs: Infinity });
      await sleepForever();
    });
    assert.equal(now(), 30);
  }));

test("cancel is the hard phase alone, also during the grace period", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      scope.stop({ graceMs: 1_000, reason: "soft" });
      await sleep(5);
      scope.cancel("hard");
      assert.equal((await cancellation(checkpoint())).reason, "hard");
    });
    assert.equal(now(), 5);
    await cancelScope((scope) => {
      scope.cancel();
      assert.equal(scope.isStopping, false);
      scope.stop({ graceMs: 0 });
      assert.equal(scope.isStopping, false, "there is nothing left to stop");
    });
  }));

test("a stop of a scope around is a stop of those inside, whenever they were opened", () =>
  virtually(() =>
    taskGroup(async (group) => {
      await cancelScope(async (scope) => {
        const task = group.spawn(() => scope.whenStopping());
        await waitAllTasksBlocked();
        currentScope().stop({ graceMs: 10 });
        await task;
      });
      const stopping = currentScope();
      stopping.stop({ graceMs: Infinity });
      await cancelScope((scope) => scope.whenStopping());
    }),
  ));

test("one who waits for the stop of a scope that was left hears of a stop around it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let left!: CancelScope;
      const late: PromiseLike<void>[] = [];
      await cancelScope(async (around) => {
        await cancelScope(async (scope) => {
          left = scope;
          late.push(group.spawn(() => scope.whenStopping()));
          await waitAllTasksBlocked();
        });
        late.push(group.spawn(() => left.whenStopping()));
        const cancelled = group.spawn(() => left.whenStopping());
        await waitAllTasksBlocked();
        cancelled.cancel();
        around.stop({ graceMs: 1_000 });
        for (const wait of late) await wait;
      });
    }),
  ));

test("stopping a scope that was left does nothing", () =>
  virtually(async () => {
    let left!: CancelScope;
    await cancelScope((scope) => {
      left = scope;
    });
    left.stop({ graceMs: 10 });
    assert.equal(left.isStopping, false);
  }));

test("a cancelled wait for a stop leaves nothing behind", () =>
  virtually(() =>
    taskGroup(async (group) => {
      await cancelScope(async (scope) => {
        for (let round = 0; round < 100; round++) {
          const task = group.spawn(() => scope.whenStopping());
          await waitAllTasksBlocked();
          task.cancel();
        }
        const { extras } = scope as unknown as { extras: { stopWaiters: Set<unknown> } };
        await waitAllTasksBlocked();
        assert.equal(extras.stopWaiters.size, 0);
      });
    }),
  ));
