import assert from "node:assert/strict";
import test from "node:test";
import {
  broadcast,
  ClosedError,
  cancelScope,
  EndOfChannel,
  isCancelled,
  LaggedError,
  moveOnAfter,
  type Subscription,
  sleep,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

async function lag(subscription: Subscription<unknown>): Promise<number> {
  const error = await rejection(subscription.receive());
  assert.ok(error instanceof LaggedError);
  assert.equal(error.code, "LAGGED");
  assert.equal(error.name, "LaggedError");
  assert.ok(error.message.includes(String(error.count)));
  return error.count;
}

test("the capacity must be a whole number of at least 1", () => {
  for (const capacity of [0, -1, 0.5, Number.NaN, Infinity]) {
    assert.throws(
      () => broadcast(capacity),
      (error: unknown) => error instanceof RangeError && error.message.includes(String(capacity)),
    );
  }
});

test("each subscription sees every value from its beginning on", () =>
  virtually(async () => {
    const [sender, source] = broadcast<number>(8);
    sender.send(0);
    const early = source.subscribe();
    sender.send(1);
    const late = source.subscribe();
    sender.send(2);
    sender.close();
    assert.deepEqual(await Array.fromAsync(early), [1, 2]);
    assert.deepEqual(await Array.fromAsync(late), [2]);
  }));

test("all who wait are handed the value", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, source] = broadcast<number>(1);
      const all = Array.from({ length: 3 }, () => source.subscribe());
      const waiting = all.map((subscription) => group.spawn(() => subscription.receive()));
      await waitAllTasksBlocked();
      sender.send(5);
      for (const task of waiting) assert.equal(await task, 5);
      for (const subscription of all) assert.equal(subscription.tryReceive(), undefined, "it was received");
    }),
  ));

test("those who wait at one subscription share its values, in the order in which they came", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, source] = broadcast<number>(4);
      const subscription = source.subscribe();
      const first = group.spawn(() => subscription.receive());
      const second = group.spawn(() => subscription.receive());
      await waitAllTasksBlocked();
      for (let value = 1; value <= 3; value++) sender.send(value);
      assert.equal(await first, 1);
      assert.equal(await second, 2);
      assert.equal(await subscription.receive(), 3);
    }),
  ));

test("who falls behind is told once how much was missed, and goes on with the oldest that was kept", () =>
  virtually(async () => {
    const [sender, source] = broadcast<number>(3);
    const slow = source.subscribe();
    const fast = source.subscribe();
    for (let value = 0; value < 10; value++) {
      sender.send(value);
      assert.equal(await fast.receive(), value, "the slow one holds up nobody");
    }
    assert.equal(await lag(slow), 7);
    assert.equal(await slow.receive(), 7);
    sender.send(10);
    sender.send(11);
    assert.equal(await lag(slow), 1);
    sender.close();
    assert.deepEqual(await Array.fromAsync(slow), [9, 10, 11]);
  }));

test("exactly as many values as the capacity are kept", () =>
  virtually(async () => {
    const [sender, source] = broadcast<number>(2);
    const subscription = source.subscribe();
    sender.send(0);
    sender.send(1);
    assert.deepEqual(subscription.tryReceive(), { value: 0 });
    sender.send(2);
    assert.deepEqual(subscription.tryReceive(), { value: 1 });
    assert.deepEqual(subscription.tryReceive(), { value: 2 });
  }));

test("a lag is told also after the end, before what was kept", () =>
  virtually(async () => {
    const [sender, source] = broadcast<number>(1);
    const subscription = source.subscribe();
    sender.send(1);
    sender.send(2);
    sender.close();
    assert.throws(() => subscription.tryReceive(), LaggedError);
    assert.deepEqual(subscription.tryReceive(), { value: 2 });
    assert.throws(() => subscription.tryReceive(), EndOfChannel);
  }));

test("a cancelled receive does not take the news of a lag away", () =>
  virtually(async () => {
    const [sender, source] = broadcast<number>(1);
    const subscription = source.subscribe();
    sender.send(1);
    sender.send(2);
    await cancelScope(async (scope) => {
      scope.cancel();
      await assert.rejects(subscription.receive(), isCancelled);
    });
    assert.equal(await lag(subscription), 1);
  }));

test("a loop that a lag has left may be entered again", () =>
  virtually(async () => {
    const [sender, source] = broadcast<number>(2);
    const subscription = source.subscribe();
    for (let value = 0; value < 5; value++) sender.send(value);
    sender.close();
    await assert.rejects(Array.fromAsync(subscription), LaggedError);
    assert.deepEqual(await Array.fromAsync(subscription), [3, 4]);
  }));

test("without subscribers values go nowhere", () =>
  virtually(async () => {
    const [sender, source] = broadcast<number>(4);
    sender.send(1);
    const first = source.subscribe();
    sender.send(2);
    first.close();
    sender.send(3);
    const second = source.subscribe();
    sender.send(4);
    sender.close();
    assert.deepEqual(await Array.fromAsync(second), [4]);
  }));

test("it ends when the last sender is closed, once what was sent is received", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, source] = broadcast<number>(4);
      const twin = sender.clone();
      const subscription = source.subscribe();
      sender.send(1);
      sender.close();
      sender.close();
      assert.throws(() => sender.send(2), ClosedError);
      assert.throws(() => sender.clone(), ClosedError);
      assert.equal(await subscription.receive(), 1);
      const receiving = group.spawn(() => rejection(subscription.receive()));
      await waitAllTasksBlocked();
      assert.equal(receiving.done, false);
      twin.close();
      assert.ok((await receiving) instanceof EndOfChannel);
      assert.ok((await rejection(subscription.receive())) instanceof EndOfChannel);
      assert.ok((await rejection(source.subscribe().receive())) instanceof EndOfChannel);
    }),
  ));

test("closing a subscription wakes who waits at it, and nobody else", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, source] = broadcast<number>(4);
      const other = source.subscribe();
      const othersEnd = group.spawn(() => rejection(other.receive()));
      {
        using subscription = source.subscribe();
        const receiving = group.spawn(() => rejection(subscription.receive()));
        await waitAllTasksBlocked();
        subscription.close();
        subscription.close();
        assert.ok((await receiving) instanceof ClosedError);
        assert.equal(othersEnd.done, false);
        sender.close();
        assert.ok((await rejection(subscription.receive())) instanceof ClosedError, "a local close wins");
        assert.throws(() => subscription.tryReceive(), ClosedError);
      }
      assert.ok((await othersEnd) instanceof EndOfChannel);
    }),
  ));

test("property: nothing is duplicated, order is kept, and what is missing is what the lags counted", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }),
      async (capacity, seed, pauses, paces) => {
        await virtually(
          async () => {
            const [sender, source] = broadcast<number>(capacity);
            await taskGroup((group) => {
              for (const pace of paces) {
                const subscription = source.subscribe();
                group.spawn(async () => {
                  let next = 0;
                  for (;;) {
                    try {
                      // Cancelled now and then, which must not cost a value.
                      const got = await moveOnAfter(1, async () => ({ value: await subscription.receive() }));
                      if (got === undefined) continue;
                      assert.equal(got.value, next++);
                      await sleep(pace);
                    } catch (error) {
                      if (error instanceof EndOfChannel) break;
                      if (!(error instanceof LaggedError)) throw error;
                      assert.ok(error.count > 0);
                      next += error.count;
                    }
                  }
                  assert.equal(next, pauses.length);
                });
              }
              group.spawn(async () => {
                for (const [value, ms] of pauses.entries()) {
                  if (ms > 0) await sleep(ms - 1);
                  sender.send(value);
                }
                sender.close();
              });
            });
          },
          { seed },
        );
      },
    ),
    { numRuns: 60 },
  );
});
