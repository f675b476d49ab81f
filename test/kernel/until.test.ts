import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, checkpoint, isCancelled, moveOnAfter, run, Semaphore, sleep, taskGroup, until } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** A promise that counts the reactions registered on it. */
function countingPromise(): { promise: Promise<string>; reactions: () => number; resolve: (value: string) => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  let reactions = 0;
  const then = promise.then.bind(promise);
  // biome-ignore lint/suspicious/noThenProperty: it is what is counted.
  promise.then = ((...callbacks: Parameters<typeof then>) => {
    reactions++;
    return then(...callbacks);
  }) as typeof promise.then;
  return { promise, reactions: () => reactions, resolve };
}

test("it gives the value and throws the very error of the promise", () =>
  virtually(async () => {
    assert.equal(await until(Promise.resolve("value")), "value");
    const error = new Error("own");
    assert.equal(await rejection(until(Promise.reject(error))), error);
  }));

test("20,000 waits for one promise that were abandoned leave one reaction", () =>
  virtually(async () => {
    const { promise, reactions, resolve } = countingPromise();
    for (let round = 0; round < 10_000; round++) {
      await cancelScope(async (scope) => {
        const during = until(promise);
        scope.cancel();
        await rejection(during);
        await rejection(until(promise));
      });
    }
    assert.equal(reactions(), 1);
    const waiting = until(promise);
    resolve("value");
    assert.equal(await waiting, "value");
  }));

test("many wait for one promise, and each is woken in order", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      const log: string[] = [];
      for (const name of "abc") {
        group.spawn(async () => {
          log.push(name + (await until(promise)));
        });
      }
      await waitAllTasksBlocked();
      resolve("!");
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["a!", "b!", "c!"]);
    }),
  ));

test("a failure reaches each of those who wait", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { promise, reject } = Promise.withResolvers();
      const tasks = [1, 2].map(() => group.spawn(() => rejection(until(promise))));
      await waitAllTasksBlocked();
      const error = new Error("own");
      reject(error);
      for (const task of tasks) assert.equal(await task, error);
    }),
  ));

test("what the promise stands for goes on after the wait was cancelled", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let isDone = false;
      const work = group.spawn(async () => {
        await sleep(10);
        isDone = true;
      });
      assert.equal(await moveOnAfter(5, () => until(work)), undefined);
      assert.equal(isDone, false);
      await work;
      assert.equal(isDone, true);
    }),
  ));

test("a task can be waited for by several, and the cancellation of one is not the others'", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await sleep(10);
        return "value";
      });
      const first = group.spawn(() => until(task));
      const second = group.spawn(() => until(task));
      await waitAllTasksBlocked();
      first.cancel();
      assert.equal(await second, "value");
    }),
  ));

test("a thenable that calls back at once, later, or throws", () =>
  virtually(async () => {
    const error = new Error("own");
    const thenable = (then: PromiseLike<string>["then"]): PromiseLike<string> => ({ then });
    assert.equal(
      await until(
        thenable(((resolve: (value: string) => void) => resolve("at once")) as unknown as PromiseLike<string>["then"]),
      ),
      "at once",
    );
    assert.equal(
      await until(
        thenable(((resolve: (value: string) => void) =>
          queueMicrotask(() => resolve("later"))) as unknown as PromiseLike<string>["then"]),
      ),
      "later",
    );
    assert.equal(
      await rejection(
        until(
          thenable((() => {
            throw error;
          }) as PromiseLike<string>["then"]),
        ),
      ),
      error,
    );
  }));

test("a promise that settles during the tick of the cancellation is decided by which came first", () =>
  virtually(async () => {
    const early = Promise.withResolvers<string>();
    const late = Promise.withResolvers<string>();
    const outcomes: unknown[] = [];
    await cancelScope(async (scope) => {
      const waits = [until(early.promise), until(late.promise)];
      early.resolve("early");
      scope.cancel();
      late.resolve("late");
      for (const wait of waits) outcomes.push(await wait.catch((error: unknown) => isCancelled(error)));
    });
    assert.deepEqual(outcomes, ["early", true]);
  }));

test("it works outside of run, next to waits inside of one", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const outside = until(promise);
  const inside = run(() => until(promise));
  await checkpoint();
  resolve("value");
  assert.deepEqual(await Promise.all([outside, inside]), ["value", "value"]);
});

for (const seed of [undefined, 1, 2, 3]) {
  const order = seed === undefined ? "as it was woken" : `as seed ${seed} draws it`;
  test(`a permit that was handed over in the tick of the cancellation is not lost, be it that who waits for it goes on ${order}`, () =>
    virtually(
      async () => {
        const semaphore = new Semaphore(1);
        const held = await semaphore.acquire();
        const log: string[] = [];
        await taskGroup(async (group) => {
          const tasks = [
            group.spawn(function* () {
              using _ = yield* until(semaphore.acquire());
              log.push("coroutine");
              yield* until(sleep(1));
            }),
            group.spawn(async () => {
              using _ = await until(semaphore.acquire());
              log.push("async function");
              await sleep(1);
            }),
          ];
          await waitAllTasksBlocked();
          held[Symbol.dispose]();
          for (const task of tasks) task.cancel();
        });
        assert.equal(log.length, 1);
        assert.deepEqual(semaphore.statistics(), { available: 1, max: 1, waiting: 0 });
      },
      seed === undefined ? {} : { seed },
    ));
}
