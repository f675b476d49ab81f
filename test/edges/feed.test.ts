import assert from "node:assert/strict";
import test from "node:test";
import {
  ClosedError,
  cancelScope,
  EndOfChannel,
  type Feed,
  type FeedInlet,
  type FeedOptions,
  isCancelled,
  moveOnAfter,
  OverflowError,
  openFeed,
  sleep,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

interface Opened {
  feed: Feed<number>;
  inlet: FeedInlet<number>;
  /** How often what was begun was undone. */
  undone: () => number;
}

function open(options: FeedOptions = { capacity: 4 }): Opened {
  let held: FeedInlet<number> | undefined;
  let undone = 0;
  const feed = openFeed<number>((inlet) => {
    held = inlet;
    return () => {
      undone++;
    };
  }, options);
  return { feed, inlet: held as unknown as FeedInlet<number>, undone: () => undone };
}

async function collect<T>(feed: Feed<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of feed) values.push(value);
  return values;
}

test("values come in order, those that were pushed before anybody received too", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { feed, inlet, undone } = open();
      inlet.push(1);
      inlet.push(2);
      const collected = group.spawn(() => collect(feed));
      await waitAllTasksBlocked();
      inlet.push(3);
      inlet.push(4);
      inlet.end();
      assert.equal(undone(), 1);
      assert.deepEqual(await collected, [1, 2, 3, 4]);
      assert.equal(undone(), 1);
    }),
  ));

test("several who receive are served first come, first served", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { feed, inlet } = open();
      const tasks = [0, 1, 2].map(() => group.spawn(() => feed.receive()));
      await waitAllTasksBlocked();
      tasks[1]?.cancel();
      inlet.push(1);
      inlet.push(2);
      assert.equal(await tasks[0], 1);
      assert.equal(await tasks[2], 2);
      feed.close();
    }),
  ));

test("after the end, receive gives what is buffered and then EndOfChannel, each time", () =>
  virtually(async () => {
    const { feed, inlet } = open();
    inlet.push(1);
    inlet.end();
    inlet.push(2);
    inlet.failWith(new Error("ignored"));
    assert.equal(await feed.receive(), 1);
    assert.ok((await rejection(feed.receive())) instanceof EndOfChannel);
    assert.ok((await rejection(feed.receive())) instanceof EndOfChannel);
  }));

test("a failure is thrown, unchanged, after what came before it", () =>
  virtually(async () => {
    const { feed, inlet, undone } = open();
    const error = new Error("own");
    inlet.push(1);
    inlet.failWith(error);
    assert.equal(undone(), 1);
    const values: number[] = [];
    const thrown = await rejection(
      (async () => {
        for await (const value of feed) values.push(value);
      })(),
    );
    assert.equal(thrown, error);
    assert.deepEqual(values, [1]);
  }));

test("the end and a failure wake those who wait", () =>
  virtually(() =>
    taskGroup(async (group) => {
      for (const [finish, check] of [
        [(inlet) => inlet.end(), (error) => error instanceof EndOfChannel],
        [(inlet) => inlet.failWith("own"), (error) => error === "own"],
      ] as [(inlet: FeedInlet<number>) => void, (error: unknown) => boolean][]) {
        const { feed, inlet } = open();
        const task = group.spawn(() => rejection(feed.receive()));
        await waitAllTasksBlocked();
        finish(inlet);
        assert.ok(check(await task));
      }
    }),
  ));

test("a full buffer ends the feed: what fits is received, then an OverflowError that names the limit", () =>
  virtually(async () => {
    const { feed, inlet, undone } = open({ capacity: 2 });
    for (const value of [1, 2, 3, 4]) inlet.push(value);
    assert.equal(undone(), 1);
    assert.deepEqual([await feed.receive(), await feed.receive()], [1, 2]);
    const error = await rejection(feed.receive());
    assert.ok(error instanceof OverflowError);
    assert.equal(error.code, "OVERFLOW");
    assert.match(error.message, /^a value came while 2 waited to be received, which is the capacity/);
    assert.equal(feed.dropped, 0);
  }));

test("or the oldest is dropped, or the latest, and the number of those is known", () =>
  virtually(async () => {
    for (const [overflow, kept] of [
      ["dropOldest", [3, 4]],
      ["dropLatest", [1, 2]],
    ] as const) {
      const { feed, inlet } = open({ capacity: 2, overflow });
      for (const value of [1, 2, 3, 4]) inlet.push(value);
      assert.equal(feed.dropped, 2);
      inlet.end();
      assert.deepEqual(await collect(feed), kept);
    }
  }));

test("Infinity is a capacity that must be asked for, and none below one makes sense", () =>
  virtually(async () => {
    const { feed, inlet } = open({ capacity: Infinity });
    for (let value = 0; value < 10_000; value++) inlet.push(value);
    inlet.end();
    assert.equal((await collect(feed)).length, 10_000);
    for (const capacity of [0, -1, 0.5, Number.NaN]) {
      assert.throws(() => open({ capacity }), new RegExp(`^RangeError: capacity: .* got ${capacity}$`));
    }
    assert.throws(() => open({ capacity: 1, overflow: "drop" as "fail" }), /^RangeError: overflow: .* got drop$/);
  }));

test("closing undoes what was begun, wakes those who wait, and drops what is buffered", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const { feed, inlet, undone } = open();
      const task = group.spawn(() => rejection(feed.receive()));
      await waitAllTasksBlocked();
      feed.close();
      feed.close();
      assert.equal(undone(), 1);
      assert.ok((await task) instanceof ClosedError);
      inlet.push(1);
      inlet.end();
      assert.ok((await rejection(feed.receive())) instanceof ClosedError);
      assert.ok((await rejection(collect(feed))) instanceof ClosedError);
    }),
  ));

test("closed after its end, it is closed", () =>
  virtually(async () => {
    const { feed, inlet, undone } = open();
    inlet.push(1);
    inlet.end();
    feed.close();
    assert.equal(undone(), 1);
    assert.ok((await rejection(feed.receive())) instanceof ClosedError);
  }));

test("`using` closes it", () => {
  const { feed, undone } = open();
  {
    using held = feed;
    assert.equal(held, feed);
    assert.equal(undone(), 0);
  }
  assert.equal(undone(), 1);
});

for (const [name, leave] of [
  ["break", "break"],
  ["an error", "throw"],
  ["a cancellation in the body", "sleep"],
  ["a cancellation of its wait", "wait"],
] as const) {
  test(`leaving the loop closes the feed: ${name}`, () =>
    virtually(async () => {
      const { feed, inlet, undone } = open();
      inlet.push(1);
      inlet.push(2);
      await moveOnAfter(10, async () => {
        for await (const value of feed) {
          if (leave === "break") break;
          if (leave === "throw") throw new Error("own");
          if (leave === "sleep") await sleep(20);
          else assert.ok(value <= 2);
        }
      }).catch((error: Error) => assert.equal(error.message, "own"));
      assert.equal(undone(), 1);
      assert.ok((await rejection(feed.receive())) instanceof ClosedError);
    }));
}

test("a receive by hand that is cancelled leaves the feed open", () =>
  virtually(async () => {
    const { feed, inlet, undone } = open();
    assert.equal(await moveOnAfter(10, () => feed.receive()), undefined);
    assert.equal(undone(), 0);
    inlet.push(1);
    assert.equal(await feed.receive(), 1);
    feed.close();
  }));

test("an iterator that was left is done, also the step that it was waiting for", () =>
  virtually(async () => {
    const { feed, undone } = open();
    const iterator = feed[Symbol.asyncIterator]();
    const pending = iterator.next();
    assert.deepEqual(await iterator.return?.(), { done: true, value: undefined });
    assert.deepEqual(await pending, { done: true, value: undefined });
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    assert.equal(undone(), 1);
    const fresh = open();
    await fresh.feed[Symbol.asyncIterator]().return?.();
    assert.equal(fresh.undone(), 1);
  }));

test("a source that pushes and ends at once, before it can be undone, is undone afterwards", () =>
  virtually(async () => {
    let undone = 0;
    const feed = openFeed<number>(
      (inlet) => {
        for (const value of [1, 2]) inlet.push(value);
        inlet.end();
        return () => undone++;
      },
      { capacity: 2 },
    );
    assert.equal(undone, 1);
    assert.deepEqual(await collect(feed), [1, 2]);
  }));

test("what the source throws when it is begun is thrown by the call", () => {
  const error = new Error("own");
  assert.throws(
    () =>
      openFeed(
        () => {
          throw error;
        },
        { capacity: 1 },
      ),
    error,
  );
});

test("an abandoned step raises nothing when cancelled, and a real failure does", async () => {
  const error = new Error("real");
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      await cancelScope(async (scope) => {
        void open().feed[Symbol.asyncIterator]().next();
        void open().feed.receive();
        const { feed, inlet } = open();
        void feed[Symbol.asyncIterator]().next();
        inlet.failWith(error);
        scope.cancel();
        assert.ok(isCancelled(await rejection(sleep(1))));
      });
    }),
  );
  assert.deepEqual(raised, [error]);
});

test("whatever the order of pushes and receives, values arrive once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, capacity) =>
      virtually(() =>
        taskGroup(async (group) => {
          const { feed, inlet } = open({ capacity, overflow: "dropLatest" });
          const received: number[] = [];
          let pushed = 0;
          for (const isPush of steps) {
            if (isPush) inlet.push(pushed++);
            else {
              group.spawn(
                async () => {
                  received.push(await feed.receive());
                },
                { background: true },
              );
            }
            await waitAllTasksBlocked();
          }
          assert.ok(received.every((value, index) => index === 0 || value > (received[index - 1] ?? -1)));
          assert.ok(received.length + capacity + feed.dropped >= pushed);
          feed.close();
        }).catch((error: unknown) => assert.ok(error instanceof ClosedError)),
      ),
    ),
  );
});
