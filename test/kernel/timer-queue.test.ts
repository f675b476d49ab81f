import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type QueuedTimer, TimerQueue } from "../../src/kernel/timer-queue.ts";
import { collectGarbage } from "../support/garbage.ts";

/** Fires what is due at `now`, in order. */
function fire(queue: TimerQueue, now: number): void {
  for (let due = queue.takeDue(now); due !== undefined; due = queue.takeDue(now)) due();
}

test("timers fire in the order in which they fall due, ties in the order of arrival", () => {
  const queue = new TimerQueue();
  const fired: string[] = [];
  for (const [name, when] of [
    ["c", 3],
    ["a1", 1],
    ["b", 2],
    ["a2", 1],
    ["a3", 1],
  ] as const) {
    queue.add(when, () => fired.push(name));
  }
  assert.equal(queue.nextAt, 1);
  fire(queue, 2);
  assert.deepEqual(fired, ["a1", "a2", "a3", "b"]);
  assert.equal(queue.nextAt, 3);
  fire(queue, 100);
  assert.deepEqual(fired, ["a1", "a2", "a3", "b", "c"]);
  assert.equal(queue.nextAt, Infinity);
  assert.equal(queue.size, 0);
});

test("a cancelled timer does not fire, and cancelling is idempotent", () => {
  let emptied = 0;
  const queue = new TimerQueue(() => emptied++);
  const fired: number[] = [];
  const first = queue.add(1, () => fired.push(1));
  queue.add(2, () => fired.push(2));
  first.cancel();
  first.cancel();
  assert.equal(queue.size, 1);
  assert.equal(queue.nextAt, 2);
  fire(queue, 5);
  assert.deepEqual(fired, [2]);
  assert.equal(emptied, 0);
});

test("cancelling a timer that fired does nothing", () => {
  const queue = new TimerQueue(() => assert.fail("nothing was cancelled"));
  const timer = queue.add(1, () => {});
  queue.add(2, () => {});
  fire(queue, 1);
  timer.cancel();
  assert.equal(queue.size, 1);
});

test("the owner is told when the last live timer is cancelled", () => {
  let emptied = 0;
  const queue = new TimerQueue(() => emptied++);
  const timers = [queue.add(1, () => {}), queue.add(2, () => {})];
  timers[1]?.cancel();
  assert.equal(emptied, 0);
  timers[0]?.cancel();
  assert.equal(emptied, 1);
  queue.add(3, () => {}).cancel();
  assert.equal(emptied, 2);
});

test("a timer added by a callback fires in the same round if it is due", () => {
  const queue = new TimerQueue();
  const fired: string[] = [];
  queue.add(1, () => {
    fired.push("first");
    queue.add(1, () => fired.push("added"));
  });
  queue.add(1, () => fired.push("second"));
  fire(queue, 1);
  assert.deepEqual(fired, ["first", "second", "added"]);
});

test("a timer cancelled by an earlier one at the same time does not fire", () => {
  const queue = new TimerQueue();
  let second: QueuedTimer | undefined;
  queue.add(1, () => second?.cancel());
  second = queue.add(1, () => assert.fail("it was cancelled"));
  fire(queue, 1);
  assert.equal(queue.size, 0);
});

test("cancelled timers are let go long before they would have fallen due", async () => {
  const queue = new TimerQueue();
  const live = Array.from({ length: 10 }, (_, index) => queue.add(1_000 + index, () => {}));
  const timers: WeakRef<QueuedTimer>[] = [];
  for (let round = 0; round < 5_000; round++) {
    const timer = queue.add(2_000 + round, () => {});
    timer.cancel();
    timers.push(new WeakRef(timer));
  }
  assert.equal(queue.size, live.length);
  await collectGarbage();
  const kept = timers.filter((timer) => timer.deref() !== undefined).length;
  assert.ok(kept <= 2 * live.length + 65, `${kept} cancelled timers are kept for ${live.length} live ones`);
  assert.equal(queue.nextAt, 1_000);
});

test("property: it behaves as a sorted array", () => {
  const operation = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("add" as const), when: fc.integer({ min: 0, max: 50 }) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("cancel" as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fire" as const), now: fc.integer({ min: 0, max: 60 }) }) },
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 600, size: "max" }), (operations) => {
      let emptied = 0;
      const queue = new TimerQueue(() => emptied++);
      const all: { timer: QueuedTimer; id: number }[] = [];
      let model: { id: number; when: number }[] = [];
      const fired: number[] = [];
      const expected: number[] = [];
      let expectedEmptied = 0;
      for (const step of operations) {
        if (step.kind === "add") {
          const id = all.length;
          all.push({ timer: queue.add(step.when, () => fired.push(id)), id });
          model.push({ id, when: step.when });
          // A stable sort is the order of arrival among equals.
          model.sort((a, b) => a.when - b.when);
        } else if (step.kind === "cancel") {
          const picked = all[step.which % Math.max(all.length, 1)];
          if (picked === undefined) continue;
          const before = model.length;
          model = model.filter(({ id }) => id !== picked.id);
          if (model.length === 0 && before === 1) expectedEmptied++;
          picked.timer.cancel();
        } else {
          expected.push(...model.filter(({ when }) => when <= step.now).map(({ id }) => id));
          model = model.filter(({ when }) => when > step.now);
          fire(queue, step.now);
        }
        assert.equal(queue.size, model.length);
        assert.equal(queue.nextAt, model[0]?.when ?? Infinity);
      }
      fire(queue, Infinity);
      expected.push(...model.map(({ id }) => id));
      assert.deepEqual(fired, expected);
      assert.equal(emptied, expectedEmptied);
    }),
    { numRuns: 150 },
  );
});
