import assert from "node:assert/strict";
import test from "node:test";
import {
  ContextVar,
  cancelScope,
  channel,
  currentLoop,
  isCancelled,
  map,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** Counts what was pulled and whether it was told to stop. */
class Source {
  pulled = 0;
  returned = 0;
  readonly #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  *sync(): Generator<number> {
    try {
      while (this.pulled < this.#length) yield this.pulled++;
      this.returned = -1;
    } finally {
      this.returned++;
    }
  }

  async *async(): AsyncGenerator<number> {
    try {
      while (this.pulled < this.#length) {
        await sleep(1);
        yield this.pulled++;
      }
      this.returned = -1;
    } finally {
      this.returned++;
    }
  }
}

test("map gives the results in the order of the items, whatever order they come in", () =>
  virtually(async () => {
    const results: string[] = await map([30, 10, 20], async (ms, index) => {
      await sleep(ms);
      return `${index}: ${ms}`;
    });
    assert.deepEqual(results, ["0: 30", "1: 10", "2: 20"]);
  }));

test("by default all items are worked on at once", () =>
  virtually(async () => {
    await map(Array.from({ length: 50 }), () => sleep(10));
    assert.equal(currentLoop().time(), 10);
  }));

test("map takes plain functions, generator functions and every kind of input", () =>
  virtually(async () => {
    const doubled: number[] = await map(new Set([1, 2]), (value) => value * 2);
    assert.deepEqual(doubled, [2, 4]);
    assert.deepEqual(
      await map("ab", function* (letter) {
        yield;
        return letter.toUpperCase();
      }),
      ["A", "B"],
    );
    assert.deepEqual(await map(new Source(3).async(), async (value) => value + 1), [1, 2, 3]);
    const [sender, receiver] = channel<number>(Infinity);
    for (const value of [1, 2, 3]) await sender.send(value);
    sender.close();
    assert.deepEqual(await map(receiver, (value) => value, { concurrency: 2 }), [1, 2, 3]);
  }));

for (const kind of ["sync", "async"] as const) {
  test(`of ${kind} input, no more than \`concurrency\` items are in flight, and none is pulled before there is room`, () =>
    virtually(async () => {
      const source = new Source(20);
      let inFlight = 0;
      let most = 0;
      await map(
        source[kind](),
        async (value) => {
          most = Math.max(most, ++inFlight);
          assert.ok(source.pulled - value <= 4);
          await sleep(10 + (value % 3));
          inFlight--;
        },
        { concurrency: 4 },
      );
      assert.equal(most, 4);
      assert.equal(source.pulled, 20);
      assert.equal(source.returned, 0);
    }));

  test(`of ${kind} input, the first failure cancels what is in flight, and the input is told to stop`, () =>
    virtually(async () => {
      const source = new Source(100);
      const failure = new Error("own");
      let cleaned = 0;
      const error = await rejection(
        map(
          source[kind](),
          async (value) => {
            if (value === 5) throw failure;
            try {
              await sleep(value < 3 ? 1 : 1_000);
            } finally {
              await shield(() => sleep(1));
              cleaned++;
            }
          },
          { concurrency: 3 },
        ),
      );
      assert.equal(error, failure);
      assert.equal(source.returned, 1);
      assert.ok(source.pulled <= 7);
      assert.ok(cleaned >= 4);
    }));

  test(`of ${kind} input, cancelled from outside it ends in flight and tells the input to stop`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const source = new Source(100);
        let cut = 0;
        const waiting = attempt(group, () =>
          map(
            source[kind](),
            async () => {
              try {
                await sleepForever();
              } finally {
                cut++;
              }
            },
            { concurrency: 3 },
          ),
        );
        await sleep(20);
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        assert.equal(cut, 3);
        assert.equal(source.pulled, 3);
        assert.equal(source.returned, 1);
      }),
    ));

  test(`of ${kind} input, in a cancelled scope nothing is pulled`, () =>
    virtually(() =>
      cancelScope(async (scope) => {
        const source = new Source(3);
        scope.cancel();
        await assertCancelledBy(
          scope,
          map(source[kind](), () => assert.fail()),
        );
        assert.equal(source.pulled, 0);
      }),
    ));
}

test("map of nothing gives an empty list, and is a checkpoint", () =>
  virtually(async () => {
    assert.deepEqual(await map([], () => assert.fail()), []);
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(
        scope,
        map([], () => assert.fail()),
      );
    });
  }));

test("an input that fails is a failure, and is not told to stop", () =>
  virtually(async () => {
    const failure = new Error("input");
    let returned = 0;
    const broken = {
      [Symbol.iterator]: () => ({
        next: () => {
          throw failure;
        },
        return: () => {
          returned++;
          return { done: true as const, value: undefined };
        },
      }),
    };
    assert.equal(await rejection(map(broken, () => 1)), failure);
    const brokenLater = async function* () {
      yield 1;
      throw failure;
    };
    assert.equal(await rejection(map(brokenLater(), sleepForever)), failure);
    assert.equal(returned, 0);
  }));

test("the end of an input is waited for, outside of the cancellation, and what it throws is kept with the failure", () =>
  virtually(async () => {
    const [failure, second] = [new Error("own"), new Error("end of input")];
    const log: string[] = [];
    async function* source() {
      try {
        for (;;) yield 1;
      } finally {
        await sleep(5);
        log.push("input ended");
        // biome-ignore lint/correctness/noUnsafeFinally: cleanup that fails.
        throw second;
      }
    }
    const error = await rejection(map(source(), () => Promise.reject(failure)));
    assert.equal(error, failure);
    assert.deepEqual(log, ["input ended"]);
    assert.deepEqual(suppressedErrors(error), [second]);
  }));

test("later failures are kept with the first", () =>
  virtually(async () => {
    const [first, second] = [new Error("first"), new Error("second")];
    const error = await rejection(
      map([0, 1], async (item) => {
        if (item === 0) throw first;
        try {
          await sleepForever();
        } catch {
          throw second;
        }
      }),
    );
    assert.equal(error, first);
    assert.deepEqual(suppressedErrors(error), [second]);
  }));

test("results that all came in the tick of the cancellation are kept", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const waiting = attempt(group, () =>
        shield(async () => {
          const array = [0, 1];
          return map(array, () => receiver.receive());
        }),
      );
      await waitAllTasksBlocked();
      void sender.send(1);
      void sender.send(2);
      waiting.scope.cancel();
      await waiting.over;
      assert.deepEqual(waiting.outcome, [1, 2]);
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("a plain function over a long input is cut short, too", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let seen = 0;
      function* endless() {
        for (;;) yield 1;
      }
      const waiting = attempt(group, () => map(endless(), () => void seen++, { concurrency: 2 }));
      for (let turn = 0; turn < 3; turn++) await sleep(0);
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.ok(seen > 0);
    }),
  ));

test("each item begins with the context variables of the caller", () =>
  virtually(async () => {
    const variable = new ContextVar<string>("variable");
    variable.set("caller");
    const seen = await map(
      [0, 1, 2, 3],
      async (item) => {
        const before = variable.get();
        variable.set(`item ${item}`);
        await sleep(1);
        return before;
      },
      { concurrency: 2 },
    );
    assert.deepEqual(seen, ["caller", "caller", "caller", "caller"]);
  }));

test("wrong arguments are refused, and nothing is pulled", () =>
  virtually(async () => {
    const source = new Source(3);
    for (const concurrency of [0, -1, 1.5, Number.NaN, "2" as unknown as number]) {
      const error = await rejection(map(source.sync(), () => 1, { concurrency }));
      assert.ok(error instanceof RangeError);
      assert.ok(error.message.includes(String(concurrency)));
    }
    assert.ok((await rejection(map(5 as unknown as [], () => 1))) instanceof TypeError);
    assert.ok((await rejection(map([], 5 as unknown as () => 1))) instanceof TypeError);
    assert.equal(source.pulled, 0);
  }));

test("property: all items once, in order, never more than `concurrency` at a time, with any seed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 1_000_000 }),
      async (durations, concurrency, isAsync, seed) => {
        let inFlight = 0;
        const input = isAsync
          ? (async function* () {
              for (const each of durations) {
                if (each === 1) await sleep(1);
                yield each;
              }
            })()
          : durations;
        const results = await virtually(
          () =>
            map(
              input,
              async (ms, index) => {
                assert.ok(++inFlight <= concurrency);
                if (ms > 0) await sleep(ms);
                inFlight--;
                return [index, ms];
              },
              { concurrency },
            ),
          { seed },
        );
        assert.deepEqual(
          results,
          durations.map((ms, index) => [index, ms]),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test("a cancellation is told apart from a failure in the items", () =>
  virtually(async () => {
    const reasons: unknown[] = [];
    const failure = new Error("own");
    await rejection(
      map([0, 1], async (item) => {
        if (item === 1) throw failure;
        try {
          await sleepForever();
        } catch (error) {
          if (isCancelled(error)) reasons.push(error.reason);
          throw error;
        }
      }),
    );
    assert.deepEqual(reasons, [failure]);
  }));
