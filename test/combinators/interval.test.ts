import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, currentLoop, interval, moveOnAfter, shield, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { blockLoop, virtually } from "../support/virtual.ts";

type Late = "burst" | "delay" | "skip";

/** When each of `count` ticks was due, and when it came, if the work after the tick number n takes `work[n]`. */
async function ticks(
  ms: number,
  late: Late | undefined,
  count: number,
  work: Record<number, number>,
): Promise<number[][]> {
  const seen: number[][] = [];
  for await (const due of interval(ms, late === undefined ? {} : { late })) {
    seen.push([due, currentLoop().time()]);
    if (seen.length === count) break;
    await sleep(work[seen.length - 1] ?? 0);
  }
  return seen;
}

test("the first tick comes at once, and the others in a steady rhythm from the beginning, however long the work takes", () =>
  virtually(async () => {
    await sleep(7);
    assert.deepEqual(await ticks(50, undefined, 4, { 0: 10, 1: 49, 2: 3 }), [
      [7, 7],
      [57, 57],
      [107, 107],
      [157, 157],
    ]);
  }));

test("burst, the default: missed ticks come as fast as possible until it has caught up", () =>
  virtually(async () => {
    const expected = [
      [0, 0],
      [50, 120],
      [100, 120],
      [150, 150],
      [200, 200],
    ];
    assert.deepEqual(await ticks(50, "burst", 5, { 0: 120 }), expected);
    const start = currentLoop().time();
    assert.deepEqual(
      (await ticks(50, undefined, 5, { 0: 120 })).map(([due = 0, at = 0]) => [due - start, at - start]),
      expected,
    );
  }));

test("delay: a whole period after each late tick", () =>
  virtually(async () => {
    assert.deepEqual(await ticks(50, "delay", 4, { 0: 120 }), [
      [0, 0],
      [50, 120],
      [170, 170],
      [220, 220],
    ]);
  }));

test("skip: missed ticks are left out, the rhythm stays", () =>
  virtually(async () => {
    assert.deepEqual(await ticks(50, "skip", 4, { 0: 120 }), [
      [0, 0],
      [50, 120],
      [150, 150],
      [200, 200],
    ]);
  }));

for (const late of ["burst", "delay", "skip"] as const) {
  test(`${late}: up to 5 ms is not late, so a coarse timer does not shift the rhythm`, () =>
    virtually(async () => {
      assert.deepEqual(await ticks(50, late, 3, { 0: 55 }), [
        [0, 0],
        [50, 55],
        [100, 100],
      ]);
    }));
}

test("skip: exactly on a later beat, the next one is a whole period away", () =>
  virtually(async () => {
    assert.deepEqual(await ticks(50, "skip", 3, { 0: 150 }), [
      [0, 0],
      [50, 150],
      [200, 200],
    ]);
  }));

test("a blocked loop counts as late, too", () =>
  virtually(async () => {
    const seen: number[] = [];
    for await (const due of interval(50, { late: "skip" })) {
      seen.push(due);
      if (seen.length === 1) blockLoop(130);
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, [0, 50, 150]);
  }));

test("each loop has a rhythm of its own, which begins with it", () =>
  virtually(async () => {
    const shared = interval(10);
    const firsts: number[] = [];
    for (let round = 0; round < 2; round++) {
      await sleep(3);
      for await (const due of shared) {
        firsts.push(due);
        break;
      }
    }
    assert.deepEqual(firsts, [3, 6]);
  }));

test("cancelled while it waits, it throws at once and leaves no timer", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => ticks(1_000, "burst", 2, {}));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.equal(currentLoop().time(), 0);
    }),
  ));

test("cancelled before, it throws though the first tick need not wait", () =>
  virtually(() =>
    cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, ticks(10, "burst", 1, {}));
    }),
  ));

test("a loop over ticks that are all late can be cancelled", () =>
  virtually(async () => {
    let seen = 0;
    await moveOnAfter(100, async () => {
      for await (const _ of interval(1)) {
        seen++;
        blockLoop(2);
      }
    });
    assert.ok(seen > 10 && seen < 100);
  }));

test("a tick that is due in the tick of the cancellation is given; one that was cancelled is not used up", () =>
  virtually(async () => {
    const iterator = interval(10)[Symbol.asyncIterator]();
    await iterator.next();
    assert.equal(await moveOnAfter(5, () => iterator.next()), undefined);
    assert.deepEqual(await iterator.next(), { value: 10, done: false });
    let given: unknown;
    await cancelScope(async (scope) => {
      const step = iterator.next();
      currentLoop().callAt(20, () => scope.cancel());
      given = await step;
    });
    assert.deepEqual(given, { value: 20, done: false });
  }));

test("shielded, and nested in scopes in between", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const shielded = attempt(group, () => shield(() => ticks(10, "burst", 2, {})));
      const nested = attempt(group, () => cancelScope(() => ticks(10, "burst", 2, {})));
      await waitAllTasksBlocked();
      shielded.scope.cancel();
      nested.scope.cancel();
      await nested.over;
      assert.equal(nested.outcome, "cancelled");
      await shielded.over;
      assert.deepEqual(shielded.outcome, [
        [0, 0],
        [10, 10],
      ]);
    }),
  ));

test("a step that is abandoned and cancelled raises nothing", async () => {
  const raised = await unhandledDuring(() =>
    virtually(() =>
      cancelScope(async (scope) => {
        const iterator = interval(10)[Symbol.asyncIterator]();
        await iterator.next();
        void iterator.next();
        await waitAllTasksBlocked();
        scope.cancel();
      }),
    ),
  );
  assert.deepEqual(raised, []);
});

test("wrong arguments are refused at once", () => {
  for (const ms of [0, -1, Number.NaN, "5" as unknown as number]) {
    assert.throws(() => interval(ms), /^RangeError: interval: expected a period/);
  }
  assert.throws(() => interval(1, { late: "never" as "skip" }), /^RangeError: interval: expected late to be/);
  assert.throws(() => interval(1, { late: "toString" as "skip" }), RangeError);
});
