import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  type Coroutine,
  cancelScope,
  coroutine,
  currentScope,
  currentTask,
  Event,
  Future,
  handleGroup,
  InvalidStateError,
  isCancelled,
  isCoroutine,
  isCoroutineFunction,
  moveOnAfter,
  run,
  shield,
  sleep,
  supervisor,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { virtualRun, waitAllTasksBlocked } from "coppice/testing";
import type { Returned } from "../../src/kernel/body.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const double = coroutine(function* double(value: number) {
  yield* until(sleep(1));
  return 2 * value;
});

/** Compiles only if `T` is exactly `U`. */
type Same<T, U> = (<X>() => X extends T ? 1 : 2) extends <X>() => X extends U ? 1 : 2 ? true : never;

test("a call runs nothing; an await runs it", () =>
  virtually(async () => {
    let hasRun = false;
    // biome-ignore lint/correctness/useYield: it waits for nothing.
    const once = coroutine(function* () {
      hasRun = true;
    });
    const called = once();
    await waitAllTasksBlocked();
    assert.equal(hasRun, false);
    await called;
    assert.equal(hasRun, true);
  }));

test("what yield* gives has the type of the outcome", () =>
  virtually(() =>
    taskGroup((group) =>
      coroutine(function* () {
        const future = new Future<string>();
        future.setResult("value");
        const fromFuture = yield* future;
        const fromTask = yield* group.spawn(() => 1);
        const fromCoroutine = yield* double(2);
        const fromPromise = yield* until(Promise.resolve(true));
        const types: [
          Same<typeof fromFuture, string>,
          Same<typeof fromTask, number>,
          Same<typeof fromCoroutine, number>,
          Same<typeof fromPromise, boolean>,
        ] = [true, true, true, true];
        assert.ok(types.every(Boolean));
        assert.deepEqual([fromFuture, fromTask, fromCoroutine, fromPromise], ["value", 1, 4, true]);
      })(),
    ),
  ));

test("a coroutine function has the name and the length of its generator function", () => {
  assert.equal(double.name, "double");
  assert.equal(double.length, 1);
  assert.equal(double(1).name, "double");
});

test("a coroutine runs once: again, it is an InvalidStateError that names it, in each way of running it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const used = double(1);
      const first = group.spawn(() => used);
      await waitAllTasksBlocked();
      const delegating = coroutine(function* () {
        return yield* used;
      });
      const yielding = coroutine(function* () {
        return yield used;
      });
      const ways = [() => used, delegating, yielding, () => until(used), () => cancelScope(() => used)];
      for (const isOver of [false, true]) {
        if (isOver) assert.equal(await first, 2);
        for (const again of ways) {
          const error = await rejection(again());
          assert.ok(error instanceof InvalidStateError);
          assert.match(error.message, /coroutine double runs already, or has run/);
        }
      }
    }),
  ));

test("a coroutine of a function without a name is called anonymous", async () => {
  const used = coroutine(function* () {})();
  assert.equal(used.name, "anonymous");
  await used;
  assert.match(String(await rejection(used)), /coroutine anonymous runs already/);
});

test("a coroutine of a function that is no generator function says so when it is run", async () => {
  const double = async (value: number) => 2 * value;
  const error = await rejection(coroutine(double as never)(1));
  assert.ok(error instanceof TypeError);
  assert.equal(error.message, "coroutine double: expected a generator function, got one that gives a promise");
});

test("isCoroutineFunction and isCoroutine", async () => {
  for (const yes of [double, async () => {}]) assert.equal(isCoroutineFunction(yes), true);
  for (const no of [() => {}, function* () {}, async function* () {}, undefined, {}, class {}])
    assert.equal(isCoroutineFunction(no), false);
  const made = double(1);
  assert.equal(isCoroutine(made), true);
  for (const no of [double, Promise.resolve(), (function* () {})(), null, {}]) {
    assert.equal(isCoroutine(no), false);
  }
  assert.equal(await made, 2);
});

function* body(): Generator<unknown, string> {
  yield* until(sleep(1));
  return "value";
}

const takers: Record<string, (body: () => Returned<string>) => PromiseLike<unknown>> = {
  run: (fn) => run(fn),
  taskGroup: (fn) => taskGroup(fn),
  supervisor: (fn) => supervisor(fn),
  "group.spawn": (fn) => taskGroup(async (group) => await group.spawn(fn)),
  "group.start": (fn) =>
    taskGroup((group) =>
      group.start<unknown>(function* (started) {
        started(yield fn() as unknown);
      }),
    ),
  cancelScope: (fn) => cancelScope(fn),
  withTimeout: (fn) => withTimeout(10, fn),
  moveOnAfter: (fn) => moveOnAfter(10, fn),
  shield: (fn) => shield(fn),
  abortable: (fn) => abortable(fn),
  handleGroup: (fn) => handleGroup(fn, []),
};

for (const [name, take] of Object.entries(takers)) {
  test(`${name} takes a generator function, and one that gives a coroutine`, () =>
    virtually(async () => {
      assert.equal(await take(body), "value");
      assert.equal(await take(coroutine(body)), "value");
    }));

  test(`${name}: an error of its generator is thrown, unchanged`, () =>
    virtually(async () => {
      const ownError = new Error("own");
      assert.equal(
        await rejection(
          // biome-ignore lint/correctness/useYield: it fails before.
          take(function* () {
            throw ownError;
          }),
        ),
        ownError,
      );
    }));
}

test("a handler of handleGroup may be a generator function", () =>
  virtually(async () => {
    const log: string[] = [];
    await handleGroup(
      () => Promise.reject(new RangeError("own")),
      [
        [
          RangeError,
          function* (group) {
            yield* until(sleep(1));
            log.push(String(group.errors[0]));
          },
        ],
      ],
    );
    assert.deepEqual(log, ["RangeError: own"]);
  }));

test("virtualRun takes a generator function", async () => {
  assert.equal(await virtualRun(body), "value");
});

test("a generator body runs in the scope that is opened for it, and its group's task", () =>
  virtually(async () => {
    await cancelScope(function* (scope) {
      assert.equal(currentScope(), scope);
      yield* until(sleep(1));
      assert.equal(currentScope(), scope);
      yield* double(1);
      assert.equal(currentScope(), scope);
    });
    await taskGroup(async (group) => {
      const task = group.spawn(function* named() {
        const before = currentTask();
        yield;
        return [before, currentTask(), before?.name];
      });
      const [before, after, name] = await task;
      assert.equal(before, task);
      assert.equal(after, task);
      assert.equal(name, "named");
    });
  }));

test("a coroutine runs in the scope of whoever waits for it first, not of whoever called its function", () =>
  virtually(async () => {
    const where = coroutine(function* () {
      yield;
      return [currentScope()];
    });
    const made = await cancelScope(() => [where()]);
    const [scope, seen] = await withTimeout(10, async (opened) => [opened, await (made?.[0] as Coroutine<unknown[]>)]);
    assert.equal(seen[0], scope);
  }));

test("a timeout inside of a generator, with a generator for a body", () =>
  virtually(async () => {
    const outer = coroutine(function* () {
      const cut = yield* until(
        moveOnAfter(5, function* () {
          yield* until(sleep(1_000));
          return "too late";
        }),
      );
      return [cut, yield* double(4)];
    });
    assert.deepEqual(await outer(), [undefined, 8]);
  }));

test("for-of, destructuring and spread of a coroutine are errors in the trampoline's terms, not silent wrong values", () =>
  virtually(async () => {
    const spread = coroutine(function* () {
      yield;
      return [...(double(1) as unknown as Iterable<unknown>)];
    });
    const [handed] = await spread();
    assert.ok(isCoroutine(handed), "what is handed to the trampoline is the coroutine itself");
  }));

test("an event wakes a generator as it wakes anybody", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const event = new Event();
      const task = group.spawn(function* () {
        yield* until(event.wait());
        return "woken";
      });
      await waitAllTasksBlocked();
      event.set();
      assert.equal(await task, "woken");
    }),
  ));

test("an error thrown in has the identity that the wait gave it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const ownError = new Error("own");
      const future = new Future<void>();
      const task = group.spawn(function* () {
        try {
          yield* future;
        } catch (error) {
          assert.ok(!isCancelled(error));
          return error;
        }
        return undefined;
      });
      await waitAllTasksBlocked();
      future.setError(ownError);
      assert.equal(await task, ownError);
    }),
  ));
