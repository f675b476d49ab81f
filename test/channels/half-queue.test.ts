/** Queues of waits that belong to halves. */
import assert from "node:assert/strict";
import test from "node:test";
import { drainOf, type Half, HalfQueue, splitQueue } from "../../src/channels/half-queue.ts";
import { type Waiting, WaitQueue } from "../../src/kernel/wait-queue.ts";

let looks = 0;

class Entry implements Waiting {
  readonly half: Half<Entry>;
  readonly id: number;
  queue: Waiting["queue"] = null;
  prevInQueue: Waiting | null = null;
  #next: Waiting | null = null;

  constructor(half: Half<Entry>, id: number) {
    this.half = half;
    this.id = id;
  }

  get nextInQueue(): Waiting | null {
    looks++;
    return this.#next;
  }

  set nextInQueue(next: Waiting | null) {
    this.#next = next;
  }
}

/** A queue in which one entry after the other belongs to one of so many halves, in turn. */
function entries(count: number, halfCount: number): [HalfQueue<Entry>, Half<Entry>[], Entry[]] {
  const halves: Half<Entry>[] = Array.from({ length: halfCount }, () => ({ waits: null }));
  const all = Array.from({ length: count }, (_, id) => new Entry(halves[id % halfCount] as Half<Entry>, id));
  const queue = new HalfQueue<Entry>();
  for (const entry of all) queue.push(entry);
  return [queue, halves, all];
}

const idsOf = (drained: Entry[]): number[] => drained.map(({ id }) => id);

test("those of one half are removed in order, and the rest stays in order", () => {
  const [queue, [first]] = entries(6, 2);
  assert.deepEqual(idsOf(queue.drainOf(first as Half<Entry>)), [0, 2, 4]);
  assert.deepEqual(idsOf(queue.drainOf(first as Half<Entry>)), []);
  assert.equal(queue.size, 3);
  assert.deepEqual([queue.shift()?.id, queue.shift()?.id, queue.shift()?.id], [1, 3, 5]);
});

test("those that have left the queue, in whatever way, are none of the half's any more", () => {
  const [queue, [half], all] = entries(4, 1);
  queue.shift();
  queue.remove(all[2] as Entry);
  assert.deepEqual(idsOf(queue.drainOf(half as Half<Entry>)), [1, 3]);
  queue.push(all[2] as Entry);
  assert.deepEqual(idsOf(queue.drain(() => true)), [2]);
  assert.deepEqual(queue.drainOf(half as Half<Entry>), []);
});

test("a half that nobody waits in, or one, is closed without a look at those who wait in others", () => {
  const [queue, halves] = entries(1_000, 1_000);
  looks = 0;
  assert.deepEqual(queue.drainOf({ waits: null }), []);
  assert.equal(looks, 0);
  for (const half of halves.reverse()) assert.equal(queue.drainOf(half).length, 1);
  assert.ok(looks <= 1_000, `${looks} looks`);
});

test("while there is one half, all are its own; those that waited before a second one came are of the first, in order", () => {
  const first: Half<Entry> = { waits: null };
  const second: Half<Entry> = { waits: null };
  const plain = new WaitQueue<Entry>();
  for (let id = 0; id < 3; id++) plain.push(new Entry(first, id));
  const queue = splitQueue(plain);
  assert.equal(plain.size, 0);
  queue.push(new Entry(second, 3));
  queue.push(new Entry(first, 4));
  assert.equal(splitQueue(queue), queue);
  assert.deepEqual(idsOf(drainOf(queue, first)), [0, 1, 2, 4]);
  assert.deepEqual(idsOf(drainOf(queue, second)), [3]);
  plain.push(new Entry(first, 5));
  assert.deepEqual(idsOf(drainOf(plain, first)), [5]);
});
