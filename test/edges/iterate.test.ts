import assert from "node:assert/strict";
import test from "node:test";
import {
  cancelScope,
  currentLoop,
  type Iterated,
  isCancelled,
  iterate,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

async function collect<T>(source: Iterated<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of iterate(source)) values.push(value);
  return values;
}

/** An async iterable by hand, whose steps are settled by the test, and that notes how often `return` was called. */
class Manual implements AsyncIterable<number> {
  steps: PromiseWithResolvers<IteratorResult<number>>[] = [];
  returned = 0;
  returning: Promise<void> = Promise.resolve();

  [Symbol.asyncIterator](): AsyncIterator<number> {
    return {
      next: () => {
        const step = Promise.withResolvers<IteratorResult<number>>();
        this.steps.push(step);
        return step.promise;
      },
      return: async () => {
        this.returned++;
        await this.returning;
        return { done: true, value: undefined };
      },
    };
  }
}

test("the items of an async iterable, of an iterable, and of promises in one", () =>
  virtually(async () => {
    async function* numbers() {
      yield 1;
      await sleep(1);
      yield 2;
    }
    assert.deepEqual(await collect(numbers()), [1, 2]);
    assert.deepEqual(await collect([1, 2]), [1, 2]);
    assert.deepEqual(await collect("ab"), ["a", "b"]);
    const mixed: number[] = await collect<number>([Promise.resolve(1), 2, sleep(1).then(() => 3)]);
    assert.deepEqual(mixed, [1, 2, 3]);
  }));

test("an iterable that can be iterated again still can", () =>
  virtually(async () => {
    const items = iterate([1, 2]);
    for (let round = 0; round < 2; round++) {
      const values: number[] = [];
      for await (const value of items) values.push(value);
      assert.deepEqual(values, [1, 2]);
    }
  }));

test("what cannot be iterated, and a grace that makes no sense, are refused", () => {
  for (const source of [null, undefined, 1, {}, () => {}] as unknown[]) {
    assert.throws(() => iterate(source as Iterable<unknown>), /^TypeError: iterate: expected an async iterable/);
  }
  assert.throws(() => iterate([], { graceMs: -1 }), /^RangeError: iterate: graceMs/);
});

test("cancelled while it waits, it throws at once, when the source has returned", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const source = new Manual();
      const values: number[] = [];
      const task = group.spawn(async () => {
        for await (const value of iterate(source)) values.push(value);
      });
      await waitAllTasksBlocked();
      source.steps[0]?.resolve({ done: false, value: 1 });
      await waitAllTasksBlocked();
      const returning = Promise.withResolvers<void>();
      source.returning = returning.promise;
      task.cancel();
      await waitAllTasksBlocked();
      assert.deepEqual(values, [1]);
      assert.equal(source.returned, 1);
      assert.equal(task.done, false, "the cleanup is waited for");
      returning.resolve();
      assert.ok(isCancelled(await rejection(task)));
      source.steps[1]?.resolve({ done: false, value: 2 });
      await waitAllTasksBlocked();
      assert.deepEqual(values, [1]);
      assert.equal(source.returned, 1);
      assert.equal(currentLoop().time(), 0);
    }),
  ));

test("the cleanup of a source is waited for until the grace period is over, one second unless given", () =>
  virtually(async () => {
    for (const [options, end] of [
      [{}, 1_010],
      [{ graceMs: 50 }, 60],
    ] as const) {
      const source = new Manual();
      source.returning = new Promise(() => {});
      const start = currentLoop().time();
      await moveOnAfter(10, async () => {
        for await (const _ of iterate(source, options));
      });
      assert.equal(currentLoop().time() - start, end);
      assert.equal(source.returned, 1);
    }
  }));

test("an async generator that is stuck in a foreign wait is left behind, and cleans up when that is over", () =>
  virtually(async () => {
    const log: string[] = [];
    const foreign = Promise.withResolvers<void>();
    async function* stuck() {
      try {
        await foreign.promise;
        yield 1;
      } finally {
        log.push("cleanup");
      }
    }
    await moveOnAfter(10, async () => {
      for await (const _ of iterate(stuck(), { graceMs: 50 }));
    });
    assert.equal(currentLoop().time(), 60);
    assert.deepEqual(log, []);
    foreign.resolve();
    await sleep(1);
    assert.deepEqual(log, ["cleanup"]);
  }));

test("an async generator that waits cancellably is cancelled with the loop, and its cleanup is waited for", () =>
  virtually(async () => {
    const log: string[] = [];
    async function* ticks() {
      try {
        for (let tick = 0; ; tick++) {
          await sleep(10);
          yield tick;
        }
      } finally {
        await shield(() => sleep(100));
        log.push(`cleanup at ${currentLoop().time()}`);
      }
    }
    const values: number[] = [];
    await moveOnAfter(25, async () => {
      for await (const tick of iterate(ticks())) values.push(tick);
    });
    assert.deepEqual(values, [0, 1]);
    assert.deepEqual(log, ["cleanup at 125"]);
  }));

test("cancelled in the body of the loop, the cleanup of the source is shielded", () =>
  virtually(async () => {
    const log: string[] = [];
    async function* numbers() {
      try {
        yield 1;
      } finally {
        await sleep(100);
        log.push(`cleanup at ${currentLoop().time()}`);
      }
    }
    await moveOnAfter(10, async () => {
      for await (const _ of iterate(numbers())) await sleepForever();
    });
    assert.deepEqual(log, ["cleanup at 110"]);
  }));

test("in a cancelled scope nothing is asked of the source, and its return is called", () =>
  virtually(async () => {
    const source = new Manual();
    await cancelScope(async (scope) => {
      scope.cancel();
      for await (const _ of iterate(source)) assert.fail("no item");
    });
    assert.deepEqual([source.steps.length, source.returned], [0, 1]);
  }));

test("an item that came before the cancellation, in the same tick, is kept", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const source = new Manual();
      const values: number[] = [];
      const task = group.spawn(async () => {
        for await (const value of iterate(source)) values.push(value);
      });
      await waitAllTasksBlocked();
      source.steps[0]?.resolve({ done: false, value: 1 });
      task.cancel();
      assert.ok(isCancelled(await rejection(task)));
      assert.deepEqual(values, [1]);
      assert.deepEqual([source.steps.length, source.returned], [1, 1]);
    }),
  ));

test("shielded, it does not notice a cancellation outside", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const source = new Manual();
      const task = group.spawn(() => shield(() => collect(source)));
      await waitAllTasksBlocked();
      task.cancel();
      source.steps[0]?.resolve({ done: false, value: 1 });
      await waitAllTasksBlocked();
      source.steps[1]?.resolve({ done: true, value: undefined });
      assert.deepEqual(await task, [1]);
      assert.equal(source.returned, 0);
    }),
  ));

test("nested, the outer cancellation passes the scopes in between, and return is called once", () =>
  virtually(async () => {
    const source = new Manual();
    await moveOnAfter(10, async (outer) => {
      await cancelScope(() => cancelScope(() => collect(source)));
      assert.fail(`passed ${outer.name}`);
    });
    assert.equal(source.returned, 1);
  }));

test("break calls return and waits for it", () =>
  virtually(async () => {
    const log: string[] = [];
    async function* numbers() {
      try {
        yield 1;
        yield 2;
      } finally {
        await sleep(10);
        log.push("cleanup");
      }
    }
    for await (const _ of iterate(numbers())) break;
    assert.deepEqual(log, ["cleanup"]);
  }));

test("the error of the source is thrown, unchanged, and a source that failed is not told to return", () =>
  virtually(async () => {
    const error = new Error("own");
    const source = new Manual();
    const failed = rejection(collect(source));
    await sleep(1);
    source.steps[0]?.reject(error);
    assert.equal(await failed, error);
    assert.equal(source.returned, 0);
    const thrower = {
      [Symbol.iterator]: () => ({
        next: () => {
          throw error;
        },
        return: () => assert.fail("not called"),
      }),
    };
    assert.equal(await rejection(collect(thrower)), error);
  }));

test("what the cleanup throws is thrown instead of the cancellation", () =>
  virtually(async () => {
    const error = new Error("failed to clean up");
    const source = new Manual();
    source.returning = Promise.reject(error);
    source.returning.catch(() => {});
    assert.equal(await rejection(moveOnAfter(10, () => collect(source))), error);
  }));

test("a promise in an iterable that fails is thrown, and the iterable is told to return", () =>
  virtually(async () => {
    const error = new Error("own");
    const later = new Error("failed to clean up");
    let returned = 0;
    function* promises(cleanup: () => void) {
      try {
        yield Promise.reject(error);
      } finally {
        returned++;
        cleanup();
      }
    }
    assert.equal(await rejection(collect(promises(() => {}))), error);
    const fail = (): never => {
      throw later;
    };
    assert.equal(await rejection(collect(promises(fail))), error);
    assert.deepEqual(suppressedErrors(error), [later]);
    assert.equal(returned, 2);
  }));

test("cancelled while it waits for a promise in an iterable, the iterable is told to return", () =>
  virtually(async () => {
    let returned = 0;
    function* promises() {
      try {
        yield new Promise<number>(() => {});
      } finally {
        returned++;
      }
    }
    assert.equal(await moveOnAfter(10, () => collect(promises())), undefined);
    assert.equal(returned, 1);
    assert.equal(currentLoop().time(), 10);
  }));

test("an endless source that never waits lets the others run, and can be cancelled", () =>
  virtually(async () => {
    function* zeros() {
      for (;;) yield 0;
    }
    let count = 0;
    await taskGroup(async (group) => {
      const counting = group.spawn(async () => {
        for await (const zero of iterate(zeros())) count += 1 + zero;
      });
      setImmediate(() => counting.cancel());
    });
    assert.ok(count > 0);
  }));

test("an item that fails after it was abandoned raises nothing; nor does an abandoned step when cancelled", async () => {
  const source = new Manual();
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      await moveOnAfter(10, () => collect(source));
      source.steps[0]?.reject(new Error("late"));
      await cancelScope(async (scope) => {
        void iterate(new Manual())[Symbol.asyncIterator]().next();
        scope.cancel();
      });
      await sleep(1);
    }),
  );
  assert.deepEqual(raised, []);
});

test("an async iterable without a return can be left", () =>
  virtually(async () => {
    const endless: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }) }),
    };
    for await (const _ of iterate(endless)) break;
    await moveOnAfter(10, async () => {
      for await (const _ of iterate(endless)) await sleep(4);
    });
    assert.equal(currentLoop().time(), 10);
  }));
