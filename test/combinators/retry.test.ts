import assert from "node:assert/strict";
import test from "node:test";
import {
  BrokenError,
  cancelScope,
  checkpoint,
  currentLoop,
  Event,
  isCancelled,
  retry,
  Schedule,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** Fails `failures` times, then gives the number of the attempt. */
function flaky(failures: number): { (attempt: number): Promise<number>; at: number[] } {
  const at: number[] = [];
  return Object.assign(
    async (attempt: number) => {
      at.push(currentLoop().time());
      await checkpoint();
      if (attempt <= failures) throw new Error(`failure ${attempt}`);
      return attempt;
    },
    { at },
  );
}

test("the first value is given, and each call gets its number, from 1", () =>
  virtually(async () => {
    const value: number = await retry(flaky(0), Schedule.fixed(10));
    assert.equal(value, 1);
    const fn = flaky(2);
    assert.equal(await retry(fn, Schedule.exponential(10)), 3);
    assert.deepEqual(fn.at, [0, 10, 30]);
  }));

test("recurs counts the calls after the first one; the last error is thrown, unchanged and alone", () =>
  virtually(async () => {
    const fn = flaky(Infinity);
    const error = await rejection(retry(fn, Schedule.fixed(10).recurs(2)));
    assert.equal((error as Error).message, "failure 3");
    assert.deepEqual(suppressedErrors(error), []);
    assert.deepEqual(fn.at, [0, 10, 20]);
    assert.equal(((await rejection(retry(flaky(1), Schedule.fixed(1).recurs(0)))) as Error).message, "failure 1");
  }));

test("plain functions and generator functions are retried, too", () =>
  virtually(async () => {
    const plain = (attempt: number) => {
      if (attempt < 3) throw new Error("not yet");
      return "plain";
    };
    assert.equal(await retry(plain, Schedule.fixed(0)), "plain");
    const value: string = await retry(function* (attempt) {
      yield;
      if (attempt < 3) throw new Error("not yet");
      return "generator";
    }, Schedule.fixed(0));
    assert.equal(value, "generator");
  }));

test("when decides which errors are worth another call", () =>
  virtually(async () => {
    const seen: unknown[] = [];
    const final = new Error("final");
    const error = await rejection(
      retry((attempt) => Promise.reject(attempt < 3 ? new BrokenError("lost") : final), Schedule.fixed(1), {
        when: (failure) => {
          seen.push(failure);
          return failure instanceof BrokenError;
        },
      }),
    );
    assert.equal(error, final);
    assert.equal(seen.length, 3);
  }));

test("a cancellation is never retried, and when is not asked about it", () =>
  virtually(async () => {
    let calls = 0;
    await cancelScope(async (scope) => {
      await assertCancelledBy(
        scope,
        retry(
          async () => {
            calls++;
            scope.cancel();
            await checkpoint();
          },
          Schedule.fixed(0),
          { when: () => assert.fail() },
        ),
      );
    });
    const foreign = await rejection(
      taskGroup((group) => {
        const task = group.spawn(sleepForever);
        task.cancel("on its own");
        return retry(async () => {
          calls++;
          await task;
        }, Schedule.fixed(0));
      }),
    );
    assert.ok(isCancelled(foreign) && foreign.reason === "on its own");
    assert.equal(calls, 2);
  }));

test("cancelled during a delay, it throws that at once, with the error that the delay was for", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      const running = cancellation(retry(flaky(Infinity), Schedule.fixed(1_000)));
      await waitAllTasksBlocked();
      scope.cancel();
      const error = await running;
      assert.equal(error.scope, scope);
      assert.deepEqual(suppressedErrors(error).map(String), ["Error: failure 1"]);
    });
    assert.equal(currentLoop().time(), 0);
  }));

test("an error out of cleanup in a cancelled scope is thrown, not retried", () =>
  virtually(async () => {
    const failure = new Error("cleanup");
    let calls = 0;
    const error = await rejection(
      cancelScope((scope) =>
        retry(async () => {
          calls++;
          scope.cancel();
          try {
            await checkpoint();
          } finally {
            // biome-ignore lint/correctness/noUnsafeFinally: cleanup that fails.
            throw failure;
          }
        }, Schedule.fixed(0)),
      ),
    );
    assert.equal(error, failure);
    assert.equal(calls, 1);
  }));

test("cancelled before, nothing is called", () =>
  virtually(() =>
    cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(
        scope,
        retry(() => assert.fail(), Schedule.fixed(0)),
      );
    }),
  ));

test("cancelled in the tick in which the call succeeded, it gives the value", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const event = new Event();
      const waiting = attempt(group, () => retry(() => event.wait().then(() => "value"), Schedule.fixed(0)));
      await waitAllTasksBlocked();
      event.set();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "value");
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("shielded, and nested in scopes in between", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const shielded = attempt(group, () => shield(() => retry(flaky(2), Schedule.fixed(10))));
      const nested = attempt(group, () =>
        cancelScope(() => retry(() => retry(sleepForever, Schedule.fixed(0)), Schedule.fixed(0))),
      );
      await waitAllTasksBlocked();
      shielded.scope.cancel();
      nested.scope.cancel();
      await nested.over;
      assert.equal(nested.outcome, "cancelled");
      await shielded.over;
      assert.equal(shielded.outcome, 3);
    }),
  ));

test("jitter is drawn by the loop: the same seed gives the same delays, another seed others", async () => {
  const times = (seed: number) =>
    virtually(
      async () => {
        const fn = flaky(4);
        await retry(fn, Schedule.exponential(100).jittered());
        return fn.at;
      },
      { seed },
    );
  const [first, again, other] = [await times(1), await times(1), await times(2)];
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
});

test("a retry without a delay lets the others have their turn", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let calls = 0;
      const waiting = attempt(group, () =>
        retry(() => {
          calls++;
          throw new Error("own");
        }, Schedule.fixed(0)),
      );
      for (let turn = 0; turn < 3; turn++) await sleep(0);
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.ok(calls > 1);
    }),
  ));

test("wrong arguments are refused", () =>
  virtually(async () => {
    const wrong = [
      retry(5 as unknown as () => 1, Schedule.fixed(1)),
      retry(() => 1, 5 as unknown as Schedule),
      retry(() => 1, Schedule.fixed(1), { when: 5 as unknown as () => true }),
    ];
    for (const each of wrong) {
      const error = await rejection(each);
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /^retry: /);
    }
  }));
