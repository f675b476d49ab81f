import assert from "node:assert/strict";
import test from "node:test";
import { InvalidStateError, LifoQueue, PriorityQueue, type PriorityQueueOptions, Queue, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

interface Job {
  readonly urgency: number;
  readonly name: string;
}

function drained<T>(queue: Queue<T>): T[] {
  const values: T[] = [];
  for (let got = queue.tryGet(); got !== undefined; got = queue.tryGet()) values.push(got.value);
  return values;
}

test("a Queue gives the values as they came, a LifoQueue the last one first", () => {
  const queue = new Queue<string>();
  const stack = new LifoQueue<string>();
  for (const value of "abc") {
    queue.tryPut(value);
    stack.tryPut(value);
  }
  assert.deepEqual(drained(queue), ["a", "b", "c"]);
  assert.deepEqual(drained(stack), ["c", "b", "a"]);
});

test("undefined can be put into each of them", () => {
  for (const queue of [new Queue<undefined>(), new LifoQueue<undefined>(), new PriorityQueue({ compare: () => 0 })]) {
    queue.tryPut(undefined);
    assert.deepEqual(queue.tryGet(), { value: undefined });
    assert.equal(queue.tryGet(), undefined);
  }
});

test("a PriorityQueue gives the smallest priority first, and equals as they came", () => {
  const queue = new PriorityQueue<string>({ priority: (value) => value.length });
  for (const value of ["ccc", "a", "bb", "b", "cc", "c"]) queue.tryPut(value);
  assert.deepEqual(drained(queue), ["a", "b", "c", "bb", "cc", "ccc"]);
});

test("infinite priorities are priorities, NaN is none", () =>
  virtually(async () => {
    const queue = new PriorityQueue<number>({ priority: (value) => value });
    for (const value of [Infinity, 0, -Infinity]) await queue.put(value);
    assert.ok((await rejection(queue.put(Number.NaN))) instanceof RangeError);
    assert.throws(() => queue.tryPut("1" as unknown as number), { name: "RangeError", message: /got 1/ });
    assert.deepEqual(drained(queue), [-Infinity, 0, Infinity]);
    assert.equal(queue.unfinished, 3);
  }));

test("a PriorityQueue may compare instead", () => {
  const queue = new PriorityQueue<string>({ compare: (a, b) => b.localeCompare(a), maxSize: 3 });
  for (const value of ["b", "c", "a"]) queue.tryPut(value);
  assert.equal(queue.isFull, true);
  assert.deepEqual(drained(queue), ["c", "b", "a"]);
});

test("a PriorityQueue takes one function: priority or compare", () => {
  const both = { priority: () => 1, compare: () => 1 };
  for (const options of [{}, both, { priority: 1 }, { compare: "x" }]) {
    assert.throws(() => new PriorityQueue(options as unknown as PriorityQueueOptions<number>), TypeError);
  }
});

test("the priority is asked for once, when the value is put", () => {
  let asked = 0;
  const queue = new PriorityQueue<number>({
    priority: (value) => {
      asked++;
      return value;
    },
  });
  for (let value = 20; value > 0; value--) queue.tryPut(value);
  drained(queue);
  assert.equal(asked, 20);
});

test("a value that is put for a getter that waits still has to have a priority", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const queue = new PriorityQueue<number>({ priority: (value) => value });
      const getting = group.spawn(() => queue.get());
      await waitAllTasksBlocked();
      assert.ok((await rejection(queue.put(Number.NaN))) instanceof RangeError);
      await queue.put(1);
      assert.equal(await getting, 1);
    }),
  ));

test("a comparison that throws fails the put that asked for it, and the queue is unchanged", () =>
  virtually(async () => {
    const error = new Error("own");
    const queue = new PriorityQueue<number>({
      compare: (a, b) => {
        if (a === 13 || b === 13) throw error;
        return a - b;
      },
    });
    for (const value of [5, 3, 4]) await queue.put(value);
    assert.equal(await rejection(queue.put(13)), error);
    assert.throws(() => queue.tryPut(13), error);
    assert.equal(queue.unfinished, 3);
    assert.deepEqual(drained(queue), [3, 4, 5]);
  }));

test("a put that waits and cannot be compared when there is room fails alone, and the next one gets the room", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const error = new Error("own");
      const queue = new PriorityQueue<number>({
        maxSize: 2,
        compare: (a, b) => {
          if (a === 13 || b === 13) throw error;
          return a - b;
        },
      });
      await queue.put(1);
      await queue.put(2);
      const bad = group.spawn(() => rejection(queue.put(13)));
      const good = group.spawn(() => queue.put(0));
      await waitAllTasksBlocked();
      assert.equal(await queue.get(), 1);
      assert.equal(await bad, error);
      await good;
      assert.deepEqual(drained(queue), [0, 2]);
    }),
  ));

test("a comparison that throws fails the get that asked for it, nothing is lost, and an immediate shutdown asks nothing", () =>
  virtually(async () => {
    const error = new Error("own");
    let mustThrow = false;
    const queue = new PriorityQueue<number>({
      compare: (a, b) => {
        if (mustThrow) throw error;
        return a - b;
      },
    });
    for (const value of [5, 3, 4, 1]) await queue.put(value);
    mustThrow = true;
    assert.equal(await rejection(queue.get()), error);
    assert.throws(() => queue.tryGet(), error);
    mustThrow = false;
    assert.equal(await queue.get(), 1);
    mustThrow = true;
    assert.deepEqual(queue.shutdown({ immediate: true }), [5, 3, 4]);
  }));

test("who waits for room gets it though another value comes out of a LifoQueue", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const queue = new LifoQueue<number>(2);
      await queue.put(1);
      await queue.put(2);
      group.spawn(() => queue.put(3));
      await waitAllTasksBlocked();
      assert.equal(await queue.get(), 2);
      assert.equal(await queue.get(), 3);
      assert.equal(await queue.get(), 1);
    }),
  ));

test("property: a PriorityQueue behaves as a list that is sorted stably", () => {
  const operation = fc.oneof(
    { weight: 3, arbitrary: fc.record({ urgency: fc.integer({ min: 0, max: 4 }), name: fc.string({ maxLength: 3 }) }) },
    { weight: 2, arbitrary: fc.constant("get" as const) },
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), fc.boolean(), (operations, byComparing) => {
      const queue = new PriorityQueue<Job>(
        byComparing ? { compare: (a, b) => a.urgency - b.urgency } : { priority: (job) => job.urgency },
      );
      let model: Job[] = [];
      for (const step of operations) {
        if (step === "get") assert.equal(queue.tryGet()?.value, model.shift());
        else {
          queue.tryPut(step);
          model = [...model, step].sort((a, b) => a.urgency - b.urgency);
        }
        assert.equal(queue.size, model.length);
      }
      const rest = drained(queue);
      assert.equal(rest.length, model.length);
      for (const [index, job] of rest.entries()) assert.equal(job, model[index]);
    }),
  );
});

for (const [which, options] of [
  ["compares", (use: () => number) => ({ compare: (a: number, b: number) => a - b + use() })],
  ["gives the priority", (use: () => number) => ({ priority: (value: number) => value + use() })],
] as const) {
  for (const [how, use] of [
    ["puts into", (queue: PriorityQueue<number>) => queue.tryPut(99)],
    ["takes from", (queue: PriorityQueue<number>) => queue.tryGet()],
    ["empties", (queue: PriorityQueue<number>) => queue.shutdown({ immediate: true })],
  ] as const) {
    test(`a function that ${which} and ${how} the queue that asks it is told off, and the queue is unchanged`, () => {
      let isUsing = false;
      const queue: PriorityQueue<number> = new PriorityQueue<number>(
        options(() => {
          if (isUsing) use(queue);
          return 0;
        }),
      );
      for (const value of [5, 3, 4]) queue.tryPut(value);
      isUsing = true;
      assert.throws(() => queue.tryPut(1), InvalidStateError);
      if (which === "compares") assert.throws(() => queue.tryGet(), InvalidStateError);
      isUsing = false;
      assert.deepEqual([queue.size, queue.unfinished, queue.isShutDown], [3, 3, false]);
      assert.deepEqual(drained(queue), [3, 4, 5]);
    });
  }
}
