/** What iterating means, for everything in `channels` that can be iterated. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  broadcast,
  cancelScope,
  channel,
  fromReadable,
  isCancelled,
  LifoQueue,
  PriorityQueue,
  Queue,
  sleep,
  sleepForever,
  taskGroup,
  watch,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

interface Iterated {
  readonly values: AsyncIterable<number>;
  send(value: number): void;
  end(): void;
}

const kinds: Readonly<Record<string, () => Iterated>> = {
  "a channel's receiver": () => {
    const [sender, values] = channel<number>(Infinity);
    return { values, send: (value) => sender.trySend(value), end: () => sender.close() };
  },
  "a subscription": () => {
    const [sender, source] = broadcast<number>(8);
    return { values: source.subscribe(), send: (value) => sender.send(value), end: () => sender.close() };
  },
  "a watch": () => {
    const [sender, values] = watch(-1);
    return { values, send: (value) => sender.send(value), end: () => sender.close() };
  },
  "a queue": () => queued(new Queue()),
  "a LIFO queue": () => queued(new LifoQueue()),
  "a priority queue": () => queued(new PriorityQueue({ priority: (value) => value })),
  "a receiver of a stream": () => {
    let controller!: ReadableStreamDefaultController<number>;
    const stream = new ReadableStream<number>({
      start: (given) => {
        controller = given;
      },
    });
    return {
      values: fromReadable(stream),
      send: (value) => controller.enqueue(value),
      end: () => controller.close(),
    };
  },
};

function queued(queue: Queue<number>): Iterated {
  return {
    values: queue,
    send: (value) => {
      queue.tryPut(value);
    },
    end: () => {
      queue.shutdown();
    },
  };
}

for (const [name, open] of Object.entries(kinds)) {
  test(`${name}: a loop gets the values as they come, and ends where they end`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { values, send, end } = open();
        const got: number[] = [];
        const loop = group.spawn(async () => {
          for await (const value of values) got.push(value);
        });
        for (let value = 0; value < 3; value++) {
          send(value);
          await waitAllTasksBlocked();
        }
        assert.deepEqual(got, [0, 1, 2]);
        end();
        await loop;
      }),
    ));

  test(`${name}: leaving a loop closes nothing, and the next loop goes on`, () =>
    virtually(async () => {
      const { values, send, end } = open();
      send(0);
      for await (const value of values) {
        assert.equal(value, 0);
        break;
      }
      send(1);
      await assert.rejects(async () => {
        for await (const _ of values) throw new Error("own");
      }, /own/);
      send(2);
      end();
      assert.deepEqual(await Array.fromAsync(values), [2]);
    }));

  test(`${name}: an iterator that was returned is over, and stays over at the end`, () =>
    virtually(async () => {
      const { values, send, end } = open();
      const over = { value: undefined, done: true };
      const left = values[Symbol.asyncIterator]();
      send(0);
      assert.deepEqual(await left.return?.(), over);
      assert.deepEqual(await left.next(), over);
      const iterator = values[Symbol.asyncIterator]();
      assert.deepEqual(await iterator.next(), { value: 0, done: false });
      end();
      assert.deepEqual(await iterator.next(), over);
      assert.deepEqual(await iterator.next(), over);
    }));

  test(`${name}: cancelled while it waits, a loop throws, and no value is lost`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { values, send, end } = open();
        const loop = group.spawn(() =>
          cancelScope(async (scope) => {
            inner = scope;
            await assert.rejects(Array.fromAsync(values), isCancelled);
          }),
        );
        let inner: { cancel(): void } | undefined;
        await waitAllTasksBlocked();
        inner?.cancel();
        send(7);
        await loop;
        end();
        assert.deepEqual(await Array.fromAsync(values), [7]);
      }),
    ));

  test(`${name}: a next() that was abandoned raises nothing when it is cancelled`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(() =>
        taskGroup(async (group) => {
          const { values } = open();
          const task = group.spawn(async () => {
            void values[Symbol.asyncIterator]().next();
            await sleepForever();
          });
          await sleep(1);
          task.cancel();
          await cancelScope(async (scope) => {
            scope.cancel();
            void values[Symbol.asyncIterator]().next();
          });
        }),
      ),
    );
    assert.deepEqual(raised, []);
  });
}

test("several next() at once are several waits, served in order", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(0);
    const iterator = receiver[Symbol.asyncIterator]();
    const steps = [iterator.next(), iterator.next(), iterator.next()];
    await sender.send(1);
    await sender.send(2);
    sender.close();
    assert.deepEqual(await Promise.all(steps), [
      { value: 1, done: false },
      { value: 2, done: false },
      { value: undefined, done: true },
    ]);
  }));

test("the error of a loop shows where the loop is", () =>
  virtually(async () => {
    const [, receiver] = channel<number>(0);
    receiver.close();
    const error = await readAll(receiver).catch((thrown: Error) => thrown);
    assert.match((error as Error).stack ?? "", /readAll/);
  }));

async function readAll(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values);
}
