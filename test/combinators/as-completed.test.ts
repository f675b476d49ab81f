import assert from "node:assert/strict";
import test from "node:test";
import {
  asCompleted,
  cancelScope,
  Event,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { assertNothingOpen, virtually } from "../support/virtual.ts";

const after =
  <T>(ms: number, value: T) =>
  () =>
    sleep(ms).then(() => value);

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

test("values come in the order of completion", () =>
  virtually(async () => {
    const values: (string | number)[] = await collect(asCompleted([after(30, "slow"), after(10, 10), () => "at once"]));
    assert.deepEqual(values, ["at once", 10, "slow"]);
    const one: number[] = await collect(asCompleted(new Set([() => 1])));
    assert.deepEqual(one, [1]);
  }));

test("values that came while the loop was busy wait for it, in order", () =>
  virtually(async () => {
    const seen: number[] = [];
    for await (const value of asCompleted([after(3, 3), after(1, 1), after(2, 2)])) {
      seen.push(value);
      await sleep(10);
    }
    assert.deepEqual(seen, [1, 2, 3]);
  }));

test("nothing starts before the loop, and each loop starts anew", () =>
  virtually(async () => {
    let started = 0;
    const values = asCompleted([() => ++started]);
    values[Symbol.asyncIterator]();
    await waitAllTasksBlocked();
    assert.equal(started, 0);
    assertNothingOpen();
    assert.deepEqual(await collect(values), [1]);
    assert.deepEqual(await collect(values), [2]);
  }));

test("with no function the loop ends at once, after a checkpoint", () =>
  virtually(async () => {
    assert.deepEqual(await collect(asCompleted([])), []);
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, collect(asCompleted([])));
    });
  }));

for (const how of ["break", "throw"] as const) {
  test(`leaving the loop by ${how} cancels the rest and waits for its cleanup`, () =>
    virtually(async () => {
      const own = new Error("own");
      let cleaned = false;
      const leave = async () => {
        for await (const value of asCompleted([
          after(1, "first"),
          async () => {
            try {
              await sleepForever();
            } finally {
              await shield(() => sleep(10));
              cleaned = true;
            }
          },
        ])) {
          assert.equal(value, "first");
          if (how === "break") break;
          throw own;
        }
        return "left";
      };
      if (how === "break") assert.equal(await leave(), "left");
      else assert.equal(await rejection(leave()), own);
      assert.equal(cleaned, true);
      assertNothingOpen();
    }));
}

test("what cleanup throws after a break is thrown", () =>
  virtually(async () => {
    const failure = new Error("cleanup");
    const error = await rejection(
      (async () => {
        for await (const _ of asCompleted([
          () => 1,
          async () => {
            try {
              await sleepForever();
            } catch {
              throw failure;
            }
          },
        ]))
          break;
      })(),
    );
    assert.equal(error, failure);
  }));

test("a failure cancels the rest, and is thrown at its step: after the values before it, when all has ended", () =>
  virtually(async () => {
    const failure = new Error("own");
    const second = new Error("cleanup");
    const seen: unknown[] = [];
    const error = await rejection(
      (async () => {
        for await (const value of asCompleted([
          after(1, 1),
          after(2, 2),
          () => sleep(3).then(() => Promise.reject(failure)),
          async () => {
            try {
              await sleepForever();
            } catch {
              await shield(() => sleep(20));
              seen.push("cleaned");
              throw second;
            }
          },
        ])) {
          seen.push(value);
          await sleep(5);
        }
      })(),
    );
    assert.equal(error, failure);
    assert.deepEqual(seen, [1, 2, "cleaned"]);
    assert.deepEqual(suppressedErrors(error), [second]);
    assertNothingOpen();
  }));

test("in a cancelled scope nothing starts", () =>
  virtually(() =>
    cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, collect(asCompleted([() => assert.fail()])));
    }),
  ));

test("a value that came in the tick of the cancellation is given, and the next step throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const event = new Event();
      const seen: unknown[] = [];
      const waiting = attempt(group, async () => {
        for await (const value of asCompleted([() => "value", sleepForever, () => event.wait()])) seen.push(value);
      });
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.deepEqual(seen, ["value"]);
    }),
  ));

test("a step that a narrower scope cut short has taken no value", () =>
  virtually(async () => {
    const iterator = asCompleted([after(1, "first"), after(20, "second")])[Symbol.asyncIterator]();
    assert.deepEqual(await iterator.next(), { value: "first", done: false });
    assert.equal(await moveOnAfter(5, () => iterator.next()), undefined);
    assert.deepEqual(await iterator.next(), { value: "second", done: false });
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
  }));

test("an iteration that is abandoned ends with its functions and holds nobody up", () =>
  virtually(async () => {
    let ended = false;
    await taskGroup(async () => {
      const iterator = asCompleted([
        () => 1,
        () =>
          sleep(10).then(() => {
            ended = true;
          }),
      ])[Symbol.asyncIterator]();
      await iterator.next();
    });
    assert.equal(ended, true);
  }));

test("a step that is abandoned and cancelled raises nothing", async () => {
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      await cancelScope(async (scope) => {
        void asCompleted([sleepForever])[Symbol.asyncIterator]().next();
        await waitAllTasksBlocked();
        scope.cancel();
      });
      await waitAllTasksBlocked();
    }),
  );
  assert.deepEqual(raised, []);
});

test("what is no list of functions is refused at once", () => {
  assert.throws(
    () => asCompleted([Promise.resolve(1)] as unknown as []),
    /asCompleted: at index 0: expected a function/,
  );
  assert.throws(() => asCompleted(5 as unknown as []), TypeError);
});
