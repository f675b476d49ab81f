import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Waiting, WaitQueue } from "../../src/kernel/wait-queue.ts";

class Entry implements Waiting {
  readonly id: number;
  queue: Waiting["queue"] = null;
  nextInQueue: Waiting | null = null;
  prevInQueue: Waiting | null = null;

  constructor(id: number) {
    this.id = id;
  }
}

function entries(count: number): [WaitQueue<Entry>, Entry[]] {
  const queue = new WaitQueue<Entry>();
  const all = Array.from({ length: count }, (_, id) => new Entry(id));
  for (const entry of all) queue.push(entry);
  return [queue, all];
}

test("it is first in, first out", () => {
  const [queue] = entries(3);
  assert.equal(queue.size, 3);
  assert.deepEqual([queue.shift()?.id, queue.shift()?.id, queue.shift()?.id, queue.shift()], [0, 1, 2, undefined]);
  assert.equal(queue.size, 0);
});

test("anyone can leave: the first, one in the middle, the last, the only one", () => {
  for (const leaving of [0, 1, 2]) {
    const [queue, all] = entries(3);
    const left = all[leaving] as Entry;
    queue.remove(left);
    assert.deepEqual([left.queue, left.nextInQueue, left.prevInQueue], [null, null, null]);
    assert.deepEqual(
      [queue.shift()?.id, queue.shift()?.id],
      [0, 1, 2].filter((id) => id !== leaving),
    );
  }
  const [queue, [only]] = entries(1);
  queue.remove(only as Entry);
  assert.equal(queue.shift(), undefined);
});

test("drain removes those that it picks, in order, and leaves the rest in order", () => {
  const [queue] = entries(5);
  assert.deepEqual(
    queue.drain(({ id }) => id % 2 === 0).map(({ id }) => id),
    [0, 2, 4],
  );
  assert.deepEqual([queue.shift()?.id, queue.shift()?.id, queue.shift()], [1, 3, undefined]);
});

test("property: it behaves as an array", () => {
  const operation = fc.oneof(
    fc.constant({ kind: "push" as const, which: 0 }),
    fc.record({ kind: fc.constant("remove" as const), which: fc.nat() }),
    fc.constant({ kind: "shift" as const, which: 0 }),
    fc.record({ kind: fc.constant("drain" as const), which: fc.integer({ min: 2, max: 4 }) }),
  );
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const queue = new WaitQueue<Entry>();
      let model: Entry[] = [];
      let next = 0;
      for (const { kind, which } of operations) {
        if (kind === "push") {
          const entry = new Entry(next++);
          queue.push(entry);
          model.push(entry);
        } else if (kind === "shift") assert.equal(queue.shift(), model.shift());
        else if (kind === "remove" && model.length > 0) {
          const [entry] = model.splice(which % model.length, 1);
          queue.remove(entry as Entry);
        } else if (kind === "drain") {
          const picked = queue.drain(({ id }) => id % which === 0);
          assert.deepEqual(
            picked.map(({ id }) => id),
            model.filter(({ id }) => id % which === 0).map(({ id }) => id),
          );
          model = model.filter(({ id }) => id % which !== 0);
        }
        assert.equal(queue.size, model.length);
      }
    }),
  );
});
