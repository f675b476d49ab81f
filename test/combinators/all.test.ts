import assert from "node:assert/strict";
import test from "node:test";
import {
  all,
  cancelScope,
  channel,
  checkpoint,
  currentTask,
  isCancelled,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("all gives the values in the order of the functions, whatever order they end in", () =>
  virtually(async () => {
    const values = await all([
      () => sleep(30).then(() => "slow"),
      () => 2,
      function* () {
        yield;
        return true;
      },
    ]);
    const typed: [string, number, boolean] = values;
    assert.deepEqual(typed, ["slow", 2, true]);
  }));

test("all takes any iterable, and then gives a list of one type", () =>
  virtually(async () => {
    function* doubled(): Generator<() => Promise<number>> {
      for (const value of [1, 2, 3]) yield async () => value * 2;
    }
    const values: number[] = await all(doubled());
    assert.deepEqual(values, [2, 4, 6]);
    const fromSet: string[] = await all(new Set([() => "a"]));
    assert.deepEqual(fromSet, ["a"]);
  }));

test("all runs its functions at the same time, each as a task of its own", () =>
  virtually(async () => {
    const tasks = await withTimeout(15, () =>
      all([
        async () => {
          await sleep(10);
          return [currentTask()];
        },
        async function named() {
          await sleep(10);
          assert.equal(currentTask()?.name, "named");
          return [currentTask()];
        },
      ]),
    );
    assert.notEqual(tasks[0][0], tasks[1][0]);
  }));

test("all of nothing gives an empty list, and is a checkpoint", () =>
  virtually(async () => {
    const nothing: [] = await all([]);
    assert.deepEqual(nothing, []);
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, all([]));
    });
  }));

test("the first failure cancels the others and is rethrown, unchanged, when their cleanup is over", () =>
  virtually(async () => {
    const failure = new Error("own");
    const log: string[] = [];
    const error = await rejection(
      all([
        async () => {
          try {
            await sleepForever();
          } catch (cancelled) {
            assert.ok(isCancelled(cancelled));
            assert.equal(cancelled.reason, failure);
            log.push("cut");
            throw cancelled;
          } finally {
            await shield(() => sleep(20));
            log.push("cleaned");
          }
        },
        async () => {
          await sleep(5);
          throw failure;
        },
      ]),
    );
    assert.equal(error, failure);
    assert.deepEqual(log, ["cut", "cleaned"]);
    assert.deepEqual(suppressedErrors(error), []);
  }));

test("what fails after the first failure is kept with it", () =>
  virtually(async () => {
    const [first, second] = [new Error("first"), new Error("second")];
    const error = await rejection(
      all([
        async () => {
          try {
            await sleepForever();
          } finally {
            // biome-ignore lint/correctness/noUnsafeFinally: cleanup that fails.
            throw second;
          }
        },
        () => Promise.reject(first),
      ]),
    );
    assert.equal(error, first);
    assert.deepEqual(suppressedErrors(first), [second]);
  }));

test("a thrown primitive is rethrown as it is", () =>
  virtually(async () => {
    for (const thrown of [undefined, 0, "text"])
      assert.equal(await rejection(all([() => Promise.reject(thrown)])), thrown);
  }));

test("a function that cancels itself is a failure", () =>
  virtually(async () => {
    const error = await rejection(
      all([
        async () => {
          currentTask()?.cancel("enough");
          await checkpoint();
        },
        sleepForever,
      ]),
    );
    assert.ok(isCancelled(error));
    assert.equal(error.reason, "enough");
  }));

test("a function that starts late is cancelled before its first wait is over", () =>
  virtually(async () => {
    const failure = new Error("own");
    let reached = 0;
    const error = await rejection(
      all([
        () => {
          throw failure;
        },
        async () => {
          reached++;
          await checkpoint();
          reached++;
        },
      ]),
    );
    assert.equal(error, failure);
    assert.equal(reached, 1);
  }));

test("cancelled from outside, all waits for the cleanup of every function and throws the cancellation", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let cleaned = 0;
      const fn = async () => {
        try {
          await sleepForever();
        } finally {
          await shield(() => sleep(10));
          cleaned++;
        }
      };
      const waiting = attempt(group, () => all([fn, fn]));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.equal(cleaned, 2);
    }),
  ));

test("in a cancelled scope the functions still run to their first checkpoint", () =>
  virtually(async () => {
    const log: string[] = [];
    await cancelScope(async (scope) => {
      scope.cancel();
      const closed = all([() => log.push("a closed"), () => log.push("b closed")]);
      assert.deepEqual(await closed, [1, 2]);
      await assertCancelledBy(
        scope,
        all([
          async () => {
            log.push("begun");
            await checkpoint();
          },
        ]),
      );
    });
    assert.deepEqual(log, ["a closed", "b closed", "begun"]);
  }));

test("values that were all delivered in the tick of the cancellation are kept", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const waiting = attempt(group, () => all([() => receiver.receive(), () => receiver.receive()]));
      await waitAllTasksBlocked();
      void sender.send(1);
      void sender.send(2);
      waiting.scope.cancel();
      await waiting.over;
      assert.deepEqual(waiting.outcome, [1, 2]);
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("a failure wins over a cancellation from outside", () =>
  virtually(async () => {
    const failure = new Error("cleanup");
    const error = await rejection(
      cancelScope(async (scope) => {
        const running = all([
          async () => {
            try {
              await sleepForever();
            } catch {
              throw failure;
            }
          },
        ]);
        await waitAllTasksBlocked();
        scope.cancel();
        await running;
      }),
    );
    assert.equal(error, failure);
  }));

test("tasks that a function left open are waited for", () =>
  virtually(async () => {
    let over = false;
    await all([
      () => {
        void cancelScope(() =>
          sleep(10).then(() => {
            over = true;
          }),
        );
      },
    ]);
    assert.equal(over, true);
  }));

test("what is no list of functions is refused before anything starts", () =>
  virtually(async () => {
    let started = 0;
    const start = () => ++started;
    for (const wrong of [undefined, null, 5, {}, start, "ab", [start, Promise.resolve(1)], [start, undefined]]) {
      const error = await rejection(all(wrong as unknown as (() => number)[]));
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /^all: /);
    }
    assert.match(
      String(await rejection(all([sleep(0)] as unknown as []))),
      /at index 0: expected a function, got a promise/,
    );
    assert.equal(started, 0);
  }));
