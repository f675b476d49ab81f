/** What holds for all queues; the orders that are their own are in `queue-order.test.ts`. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  ClosedError,
  checkpoint,
  EndOfChannel,
  InvalidStateError,
  LifoQueue,
  moveOnAfter,
  PriorityQueue,
  Queue,
  sleep,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const kinds: readonly (readonly [name: string, open: (maxSize?: number) => Queue<number>])[] = [
  ["Queue", (maxSize) => new Queue(maxSize)],
  ["LifoQueue", (maxSize) => new LifoQueue(maxSize)],
  ["PriorityQueue", (maxSize = Infinity) => new PriorityQueue({ priority: (value) => value, maxSize })],
];

for (const [name, open] of kinds) {
  test(`${name}: maxSize must be a whole number of at least 1, or Infinity`, () => {
    for (const maxSize of [0, -1, 1.5, Number.NaN]) {
      assert.throws(
        () => open(maxSize),
        (error: unknown) => error instanceof RangeError && error.message.includes(String(maxSize)),
      );
    }
    assert.equal(open().maxSize, Infinity);
    assert.equal(open(3).maxSize, 3);
  });

  test(`${name}: size, isEmpty and isFull tell how full it is`, () => {
    const queue = open(2);
    const state = () => [queue.size, queue.isEmpty, queue.isFull];
    assert.deepEqual(state(), [0, true, false]);
    queue.tryPut(1);
    assert.deepEqual(state(), [1, false, false]);
    queue.tryPut(2);
    assert.deepEqual(state(), [2, false, true]);
    assert.equal(queue.tryPut(3), false);
    queue.tryGet();
    queue.tryGet();
    assert.deepEqual(state(), [0, true, false]);
    assert.equal(queue.tryGet(), undefined);
  });

  test(`${name}: put waits for room, first come, first served`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open(1);
        const log: number[] = [];
        for (let value = 0; value < 3; value++) {
          group.spawn(async () => {
            await queue.put(value);
            log.push(value);
          });
          await waitAllTasksBlocked();
        }
        assert.deepEqual(log, [0]);
        for (let value = 0; value < 3; value++) {
          assert.equal(queue.tryPut(9), false, "who waits is not overtaken");
          assert.equal(await queue.get(), value);
          await waitAllTasksBlocked();
          assert.deepEqual(log, [0, 1, 2].slice(0, value + 2));
        }
      }),
    ));

  test(`${name}: get waits for a value, first come, first served`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open();
        const log: string[] = [];
        for (const getter of "abc") {
          group.spawn(async () => {
            log.push(getter + (await queue.get()));
          });
          await waitAllTasksBlocked();
        }
        for (let value = 0; value < 3; value++) await queue.put(value);
        assert.equal(queue.tryGet(), undefined, "the values were handed over");
        await waitAllTasksBlocked();
        assert.deepEqual(log, ["a0", "b1", "c2"]);
      }),
    ));

  test(`${name}: a getter that is cancelled after it was woken has its value, and the next one has the next`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open();
        const got: number[] = [];
        const first = group.spawn(async () => {
          got.push(await queue.get());
          await checkpoint();
          got.push(-1);
        });
        const second = group.spawn(async () => {
          got.push(await queue.get());
        });
        await waitAllTasksBlocked();
        queue.tryPut(1);
        first.cancel();
        queue.tryPut(2);
        await second;
        assert.deepEqual(got, [1, 2]);
      }),
    ));

  test(`${name}: a putter that is cancelled leaves its place to the next`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open(1);
        await queue.put(0);
        const cut = group.spawn(() => queue.put(1));
        const next = group.spawn(() => queue.put(2));
        await waitAllTasksBlocked();
        cut.cancel();
        assert.equal(await queue.get(), 0);
        await next;
        assert.equal(await queue.get(), 2);
        assert.equal(queue.unfinished, 2, "the cancelled put does not count");
      }),
    ));

  test(`${name}: join waits until each value that was put is done`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open();
        await queue.join();
        await queue.put(1);
        await queue.put(2);
        const joins = [group.spawn(() => queue.join()), group.spawn(() => queue.join())];
        await queue.get();
        await queue.get();
        await waitAllTasksBlocked();
        queue.taskDone();
        await queue.put(3);
        queue.taskDone();
        await waitAllTasksBlocked();
        assert.deepEqual(
          joins.map((task) => task.done),
          [false, false],
        );
        assert.equal(queue.unfinished, 1);
        queue.taskDone();
        for (const task of joins) await task;
        await queue.join();
      }),
    ));

  test(`${name}: more taskDone than values is an InvalidStateError`, () => {
    const queue = open();
    assert.throws(() => queue.taskDone(), InvalidStateError);
    queue.tryPut(1);
    queue.taskDone();
    assert.throws(() => queue.taskDone(), InvalidStateError);
  });

  test(`${name}: a value that was handed over counts as unfinished, too`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open();
        const getting = group.spawn(() => queue.get());
        await waitAllTasksBlocked();
        await queue.put(1);
        await getting;
        assert.equal(queue.unfinished, 1);
      }),
    ));

  test(`${name}: shut down, it gives what is left, and refuses what is new`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open(2);
        await queue.put(1);
        await queue.put(2);
        const putting = group.spawn(() => rejection(queue.put(3)));
        await waitAllTasksBlocked();
        assert.deepEqual(queue.shutdown(), []);
        assert.equal(queue.isShutDown, true);
        assert.ok((await putting) instanceof ClosedError);
        assert.ok((await rejection(queue.put(4))) instanceof ClosedError);
        assert.throws(() => queue.tryPut(5), ClosedError);
        const rest = [await queue.get(), queue.tryGet()?.value];
        assert.deepEqual(rest.sort(), [1, 2]);
        assert.ok((await rejection(queue.get())) instanceof EndOfChannel);
        assert.throws(() => queue.tryGet(), EndOfChannel);
        assert.equal(queue.unfinished, 2);
        queue.taskDone();
        queue.taskDone();
        await queue.join();
      }),
    ));

  test(`${name}: shutting down wakes the getters and ends the loops`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open();
        const getting = group.spawn(() => rejection(queue.get()));
        const loop = group.spawn(() => Array.fromAsync(queue));
        await waitAllTasksBlocked();
        queue.shutdown();
        assert.ok((await getting) instanceof EndOfChannel);
        assert.deepEqual(await loop, []);
      }),
    ));

  test(`${name}: shut down at once, it gives back what is left in the order in which it was put, and that counts as done`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open(3);
        for (const value of [2, 3, 1]) await queue.put(value);
        const joining = group.spawn(() => queue.join());
        const putting = group.spawn(() => rejection(queue.put(4)));
        await waitAllTasksBlocked();
        queue.shutdown();
        assert.deepEqual(queue.shutdown({ immediate: true }), [2, 3, 1]);
        assert.deepEqual(queue.shutdown({ immediate: true }), []);
        await joining;
        assert.ok((await putting) instanceof ClosedError);
        assert.ok((await rejection(queue.get())) instanceof EndOfChannel);
        assert.throws(() => queue.taskDone(), InvalidStateError);
      }),
    ));

  test(`${name}: join waits on for the values that were got before an immediate shutdown`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const queue = open();
        await queue.put(1);
        await queue.put(2);
        await queue.get();
        queue.shutdown({ immediate: true });
        const joining = group.spawn(() => queue.join());
        await waitAllTasksBlocked();
        assert.equal(joining.done, false);
        queue.taskDone();
        await joining;
      }),
    ));

  test(`${name}: property: with cancellation at random, each value is got once if its put returned, and never otherwise`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 2, Infinity),
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 25 }),
        fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 25 }),
        async (maxSize, seed, putTimeouts, getTimeouts) => {
          const put: number[] = [];
          const got: number[] = [];
          await virtually(
            async () => {
              const queue = open(maxSize);
              await taskGroup((group) => {
                putTimeouts.forEach((ms, value) => {
                  group.spawn(async () => {
                    await sleep(ms % 3);
                    await moveOnAfter(ms, async () => {
                      await queue.put(value);
                      put.push(value);
                    });
                  });
                });
                for (const ms of getTimeouts) {
                  group.spawn(async () => {
                    await sleep(ms % 2);
                    await moveOnAfter(ms, async () => {
                      got.push(await queue.get());
                      queue.taskDone();
                    });
                  });
                }
              });
              assert.equal(queue.unfinished, queue.size);
              queue.shutdown();
              for await (const value of queue) {
                got.push(value);
                queue.taskDone();
              }
              await queue.join();
            },
            { seed },
          );
          assert.deepEqual(
            got.sort((a, b) => a - b),
            put.sort((a, b) => a - b),
          );
        },
      ),
      { numRuns: 40 },
    );
  });
}
