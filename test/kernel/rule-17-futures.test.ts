/** Rule 17: tasks and futures are asyncio's for those who wait and look: what holds for both, for each. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  cancelScope,
  coroutine,
  Future,
  type FutureLike,
  InvalidStateError,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  supervisor,
  type TaskGroup,
  taskGroup,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

const ownError = new Error("own");

interface Made {
  readonly thing: FutureLike<string>;
  succeed(): void;
  fail(): void;
}

const kinds: Record<string, (group: TaskGroup) => Made> = {
  Future: () => {
    const thing = new Future<string>();
    return { thing, succeed: () => thing.setResult("value"), fail: () => thing.setError(ownError) };
  },
  Task: (group) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const thing = group.spawn(async () => {
      const wait = new Future<string>();
      promise.then(
        (value) => !wait.done && wait.setResult(value),
        (error) => !wait.done && wait.setError(error),
      );
      return await wait;
    });
    return { thing, succeed: () => resolve("value"), fail: () => reject(ownError) };
  },
};

for (const [kind, make] of Object.entries(kinds)) {
  const check = (name: string, body: (made: Made, group: TaskGroup) => Promise<void>): void => {
    test(`${kind}: ${name}`, () =>
      virtually(() =>
        supervisor(async (group) => {
          const made = make(group);
          await waitAllTasksBlocked();
          await body(made, group);
        }),
      ));
  };

  check("while it is pending, result() and error() are InvalidStateErrors", async ({ thing, succeed }) => {
    assert.throws(() => thing.result(), InvalidStateError);
    assert.throws(() => thing.error(), InvalidStateError);
    assert.deepEqual([thing.done, thing.cancelled], [false, false]);
    succeed();
    await thing;
  });

  check("with a value", async ({ thing, succeed }) => {
    succeed();
    assert.equal(await thing, "value");
    assert.deepEqual([thing.done, thing.cancelled, thing.result(), thing.error()], [true, false, "value", undefined]);
    assert.equal(await thing, "value", "again");
  });

  check("with an error, unchanged each time", async ({ thing, fail }) => {
    fail();
    assert.equal(await rejection(thing), ownError);
    assert.deepEqual([thing.done, thing.cancelled, thing.error()], [true, false, ownError]);
    assert.throws(
      () => thing.result(),
      (error: unknown) => error === ownError,
    );
    assert.equal(await rejection(thing), ownError, "again");
  });

  check("cancelled: its Cancelled, which no scope of the waiter swallows", async ({ thing }) => {
    thing.cancel("first");
    thing.cancel("second");
    const scopes: CancelScope[] = [];
    const error = await cancellation(
      cancelScope((scope) => {
        scopes.push(scope);
        return moveOnAfter(1_000, () => thing);
      }),
    );
    assert.equal(error.reason, "first");
    assert.equal(scopes[0]?.cancelledCaught, false);
    assert.deepEqual([thing.done, thing.cancelled, thing.error()], [true, true, error]);
    assert.throws(() => thing.result(), isCancelled);
  });

  check("cancel once it is done does nothing", async ({ thing, succeed }) => {
    succeed();
    await thing;
    thing.cancel();
    assert.deepEqual([thing.cancelled, thing.result()], [false, "value"]);
  });

  check("a wait that is cancelled leaves the thing alone, and nothing behind", async ({ thing, succeed }, group) => {
    const waiting = attempt(group, () => thing);
    await waitAllTasksBlocked();
    waiting.scope.cancel();
    await waiting.over;
    assert.equal(waiting.outcome, "cancelled");
    assert.deepEqual([thing.done, thing.cancelled], [false, false]);
    succeed();
    assert.equal(await thing, "value");
  });

  check("cancelled before: a wait throws, whether the thing is done or not", async ({ thing, succeed }) => {
    for (const isDone of [false, true]) {
      if (isDone) succeed();
      if (isDone) await thing;
      await cancelScope(async (scope) => {
        scope.cancel();
        assert.equal((await cancellation(thing)).scope, scope);
      });
    }
  });

  check("shielded, a wait does not notice a cancellation outside", async ({ thing, succeed }, group) => {
    const waiting = attempt(group, () => shield(() => thing));
    await waitAllTasksBlocked();
    waiting.scope.cancel();
    await waitAllTasksBlocked();
    assert.equal(waiting.outcome, "pending");
    succeed();
    await waiting.over;
    assert.equal(waiting.outcome, "value");
    assert.equal(waiting.didNextThrow, true);
  });

  check("nested, an outer cancellation passes the scopes in between", async ({ thing, succeed }, group) => {
    const waiting = attempt(group, () => cancelScope(() => withTimeout(1_000, () => thing)));
    await waitAllTasksBlocked();
    waiting.scope.cancel();
    await waiting.over;
    assert.equal(waiting.outcome, "cancelled");
    succeed();
    await thing;
  });

  check("some of many waits are cancelled, and the others get the value", async ({ thing, succeed }, group) => {
    const waiting = Array.from({ length: 30 }, () => attempt(group, () => thing));
    await waitAllTasksBlocked();
    for (let index = 0; index < waiting.length; index += 3) waiting[index]?.scope.cancel();
    succeed();
    await thing;
    for (const each of waiting) await each.over;
    assert.deepEqual(
      waiting.map((each) => each.outcome),
      waiting.map((_, index) => (index % 3 === 0 ? "cancelled" : "value")),
    );
  });

  check("yield* waits for it, typed, with its value, its error and its cancellation", async (made, group) => {
    const wait = coroutine(function* (thing: FutureLike<string>) {
      try {
        const value: string = yield* thing;
        return value;
      } catch (error) {
        return error;
      }
    });
    const waiting = group.spawn(() => wait(made.thing));
    await waitAllTasksBlocked();
    made.succeed();
    assert.equal(await waiting, "value");
    assert.equal(await wait(made.thing), "value");
    const second = make(group);
    await waitAllTasksBlocked();
    second.fail();
    assert.equal(await wait(second.thing), ownError);
    const third = make(group);
    await waitAllTasksBlocked();
    third.thing.cancel("reason");
    const error = await wait(third.thing);
    assert.ok(isCancelled(error) && error.reason === "reason");
  });

  check(
    "callbacks: never synchronously, in order, with the thing itself, whatever the outcome",
    async (made, group) => {
      for (const end of ["succeed", "fail", "cancel"]) {
        const { thing, succeed, fail } = make(group);
        await waitAllTasksBlocked();
        const log: unknown[] = [];
        thing.addDoneCallback((done) => log.push(1, done === thing, done.done));
        thing.addDoneCallback(() => log.push(2));
        if (end === "succeed") succeed();
        else if (end === "fail") fail();
        else thing.cancel();
        assert.equal(String(log), "");
        await waitAllTasksBlocked();
        assert.deepEqual(log.splice(0), [1, true, true, 2]);
        thing.addDoneCallback(() => log.push("late"));
        assert.equal(String(log), "", "not synchronously when it is done, either");
        await waitAllTasksBlocked();
        assert.equal(String(log), "late");
        thing.error();
      }
      made.succeed();
    },
  );

  check("the callbacks of a then by hand: a value, a thrown error, a promise, nothing at all", async (made, group) => {
    const { thing, succeed } = make(group);
    const derived = [
      thing.then((value) => `${value}!`),
      thing.then(() => Promise.resolve("promised")),
      thing.then(),
      thing.then(null, () => "unused"),
    ];
    const throwing = thing.then(() => {
      throw ownError;
    });
    succeed();
    assert.deepEqual(await Promise.all(derived), ["value!", "promised", "value", "value"]);
    assert.equal(await rejection(throwing), ownError);
    const failing = make(group);
    const caught = failing.thing.then(null, (error) => error);
    const passed = failing.thing.then(() => "unused");
    failing.fail();
    assert.equal(await caught, ownError);
    assert.equal(await rejection(passed), ownError);
    made.succeed();
  });

  check("Promise.all and the like take it", async ({ thing, succeed }) => {
    const all = Promise.all([thing, 1]);
    const race = Promise.race([thing, new Promise(() => {})]);
    succeed();
    assert.deepEqual(await all, ["value", 1]);
    assert.equal(await race, "value");
  });

  test(`${kind}: a then without a callback for errors that nobody looks at is an unhandled rejection`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(() =>
        supervisor(async (group) => {
          const { thing, fail } = make(group);
          await waitAllTasksBlocked();
          void thing.then(() => {});
          fail();
          await waitAllTasksBlocked();
          thing.error();
        }),
      ),
    );
    assert.deepEqual(raised, [ownError]);
  });

  test(`${kind}: waits that are abandoned raise nothing when they, or the thing, are cancelled`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(() =>
        supervisor(async (group) => {
          const { thing } = make(group);
          const waiter = group.spawn(async () => {
            void thing.then();
            void thing.then(() => {});
            void (async () => await thing)().catch(() => {});
            await sleepForever();
          });
          await waitAllTasksBlocked();
          waiter.cancel();
          void thing.then();
          void thing.then(() => {});
          await waitAllTasksBlocked();
          thing.cancel();
          await waitAllTasksBlocked();
          void thing.then();
        }),
      ),
    );
    assert.deepEqual(raised, []);
  });
}

test("Future: set, then the waiter is cancelled in the same tick: the value is kept, and the next checkpoint throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<string>();
      const waiting = attempt(group, () => future);
      await waitAllTasksBlocked();
      future.setResult("value");
      waiting.scope.cancel();
      await waiting.over;
      assert.deepEqual([waiting.outcome, waiting.didNextThrow], ["value", true]);
    }),
  ));

test("Future: the waiter is cancelled, then it is set in the same tick: the wait throws, the value stays", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<string>();
      const waiting = attempt(group, () => future);
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      future.setResult("value");
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.equal(await future, "value");
    }),
  ));

test("a wait for a future or a task is a checkpoint that lets others run, though it need not wait", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<string>();
      future.setResult("value");
      let turns = 0;
      const other = group.spawn(async () => {
        for (;;) {
          await sleep(0);
          turns++;
        }
      });
      for (let count = 0; count < 10_000; count++) await future;
      assert.ok(turns > 0);
      const before = turns;
      for (let count = 0; count < 10_000; count++) await rejection(other.done ? future : Promise.reject(await future));
      assert.ok(turns > before);
      other.cancel();
    }),
  ));

test("a task that a deadline cuts short, and a future that is cancelled by hand, say who did it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<void>({ name: "answer" });
      group.spawn(() => future.cancel("why"), { name: "canceller" });
      const error = await cancellation(future);
      assert.equal(error.origin, 'task "canceller"');
      assert.equal(error.scope.name, "answer");
      assert.equal(error.scope.cancelCalled, true);
    }),
  ));
