import assert from "node:assert/strict";
import test from "node:test";
import {
  BrokenError,
  ClosedError,
  cancelScope,
  EndOfChannel,
  isCancelled,
  moveOnAfter,
  sleep,
  taskGroup,
  watch,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("the initial value is there at once, and counts as seen", () =>
  virtually(async () => {
    const [sender, receiver] = watch("initial");
    assert.equal(sender.value, "initial");
    assert.equal(receiver.value, "initial");
    assert.equal(receiver.hasChanged, false);
    assert.equal(await moveOnAfter(5, () => receiver.changed()), undefined);
  }));

test("changed gives the latest value, once; what came in between is skipped", () =>
  virtually(async () => {
    const [sender, receiver] = watch(0);
    sender.send(1);
    sender.send(2);
    assert.equal(receiver.hasChanged, true);
    assert.equal(receiver.value, 2, "looking does not make it seen");
    assert.equal(receiver.hasChanged, true);
    assert.equal(await receiver.changed(), 2);
    assert.equal(receiver.hasChanged, false);
    assert.equal(await moveOnAfter(5, () => receiver.changed()), undefined);
  }));

test("an equal value is a new one", () =>
  virtually(async () => {
    const [sender, receiver] = watch(1);
    sender.send(1);
    assert.equal(await receiver.changed(), 1);
  }));

test("a value wakes all who wait, in the order in which they came", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = watch(0);
      const log: string[] = [];
      for (const [name, half] of [
        ["a", receiver],
        ["b", receiver],
        ["c", receiver.clone()],
      ] as const) {
        group.spawn(async () => {
          log.push(name + (await half.changed()));
        });
        await waitAllTasksBlocked();
      }
      sender.send(1);
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["a1", "b1", "c1"]);
    }),
  ));

test("a value that comes after the wake-up and before the task runs is not marked as seen", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = watch(0);
      const waiting = group.spawn(() => receiver.changed());
      await waitAllTasksBlocked();
      sender.send(1);
      sender.send(2);
      assert.equal(await waiting, 1);
      assert.equal(await receiver.changed(), 2);
    }),
  ));

test("a cancelled wait has marked nothing as seen", () =>
  virtually(async () => {
    const [sender, receiver] = watch(0);
    sender.send(1);
    await cancelScope(async (scope) => {
      scope.cancel();
      await assert.rejects(receiver.changed(), isCancelled);
    });
    assert.equal(await receiver.changed(), 1);
  }));

test("modify replaces the value by what it makes of it; if it throws, nothing has changed", () =>
  virtually(async () => {
    const [sender, receiver] = watch(20);
    sender.modify((value) => value + 1);
    assert.equal(await receiver.changed(), 21);
    const error = new Error("own");
    assert.throws(
      () =>
        sender.modify(() => {
          throw error;
        }),
      error,
    );
    assert.equal(receiver.value, 21);
    assert.equal(receiver.hasChanged, false);
  }));

test("each receiver has its own mark, and a clone begins with that of its original", () =>
  virtually(async () => {
    const [sender, receiver] = watch(0);
    sender.send(1);
    const unseen = receiver.clone();
    assert.equal(await receiver.changed(), 1);
    const seen = receiver.clone();
    assert.equal(unseen.hasChanged, true);
    assert.equal(seen.hasChanged, false);
    assert.equal(await unseen.changed(), 1);
  }));

test("senders share the value, and the watch ends when the last is closed: changed fails when closed and seen", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = watch(0);
      const twin = sender.clone();
      const behind = receiver.clone();
      sender.send(1);
      assert.equal(twin.value, 1);
      sender.close();
      sender.close();
      assert.throws(() => sender.send(2), ClosedError);
      assert.throws(() => sender.modify((value) => value), ClosedError);
      assert.throws(() => sender.clone(), ClosedError);
      assert.equal(await receiver.changed(), 1);
      const waiting = group.spawn(() => rejection(receiver.changed()));
      await waitAllTasksBlocked();
      assert.equal(waiting.done, false);
      twin.close();
      assert.ok((await waiting) instanceof EndOfChannel);
      assert.equal(await behind.changed(), 1);
      assert.ok((await rejection(behind.changed())) instanceof EndOfChannel);
      assert.equal(behind.value, 1, "the latest value stays");
    }),
  ));

test("closing a receiver wakes who waits at it; without receivers nobody can see a value any more", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = watch(0);
      const twin = receiver.clone();
      const waiting = group.spawn(() => rejection(receiver.changed()));
      const twins = group.spawn(() => twin.changed());
      await waitAllTasksBlocked();
      receiver.close();
      receiver.close();
      assert.ok((await waiting) instanceof ClosedError);
      assert.throws(() => receiver.clone(), ClosedError);
      sender.send(1);
      assert.equal(await twins, 1);
      {
        using _held = twin;
      }
      assert.throws(() => sender.send(2), BrokenError);
      assert.throws(() => sender.modify(() => assert.fail("called")), BrokenError);
      assert.equal(sender.value, 1);
      sender.close();
      assert.ok((await rejection(receiver.changed())) instanceof ClosedError, "a local close wins");
    }),
  ));

test("a loop that is slower than the values gets the latest each time", () =>
  virtually(async () => {
    const [sender, receiver] = watch(0);
    const seen: number[] = [];
    await taskGroup((group) => {
      group.spawn(async () => {
        for await (const value of receiver) {
          seen.push(value);
          await sleep(24);
        }
      });
      group.spawn(async () => {
        for (let value = 1; value <= 10; value++) {
          await sleep(10);
          sender.send(value);
        }
        sender.close();
      });
    });
    assert.deepEqual(seen, [1, 3, 5, 8, 10]);
  }));

test("property: with cancellation at random, values are seen in order, none twice, and the last one always", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 30 }),
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }),
      async (seed, pauses, paces) => {
        await virtually(
          async () => {
            const [sender, receiver] = watch(-1);
            await taskGroup((group) => {
              for (const pace of paces) {
                const own = receiver.clone();
                group.spawn(async () => {
                  const seen = [-1];
                  try {
                    for (;;) {
                      const got = await moveOnAfter(2, () => own.changed());
                      if (got === undefined) continue;
                      assert.ok(got > (seen.at(-1) as number));
                      seen.push(got);
                      await sleep(pace);
                    }
                  } catch (error) {
                    if (!(error instanceof EndOfChannel)) throw error;
                  }
                  assert.equal(seen.at(-1), pauses.length - 1);
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
