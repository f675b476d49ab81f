import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, type ChannelOptions, cancelScope, channel, isCancelled, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

const dropping = ["dropOldest", "dropLatest", "conflate"] as const;

test("an overflow policy must be one of the four", () => {
  for (const overflow of ["drop", "", 1, null] as unknown as "suspend"[]) {
    assert.throws(() => channel(1, { overflow }), { name: "RangeError", message: /dropOldest/ });
  }
});

test("a policy that drops needs a buffer: with capacity 0 it is a RangeError", () => {
  for (const overflow of dropping) assert.throws(() => channel(0, { overflow }), RangeError);
  channel(0, { overflow: "suspend" });
  channel(Infinity, { overflow: "dropLatest" });
});

test("conflate keeps one value, so it takes the capacity 1 and no other", () => {
  for (const capacity of [0, 2, Infinity]) {
    assert.throws(() => channel(capacity, { overflow: "conflate" }), { name: "RangeError", message: /capacity of 1/ });
  }
  channel(1, { overflow: "conflate" });
});

for (const { overflow, capacity, kept, dropped } of [
  { overflow: "dropOldest", capacity: 2, kept: [3, 4], dropped: [0, 1, 2] },
  { overflow: "dropLatest", capacity: 2, kept: [0, 1], dropped: [2, 3, 4] },
  { overflow: "conflate", capacity: 1, kept: [4], dropped: [0, 1, 2, 3] },
] as const) {
  test(`${overflow}: send never waits, and what is kept and what is dropped is known`, () =>
    virtually(async () => {
      const undelivered: number[] = [];
      const [sender, receiver] = channel<number>(capacity, {
        overflow,
        onUndelivered: (value) => undelivered.push(value),
      });
      for (let value = 0; value < 5; value++) await sender.send(value);
      sender.close();
      assert.deepEqual(await Array.fromAsync(receiver), kept);
      assert.deepEqual(undelivered, dropped);
    }));

  test(`${overflow}: a receiver that waits is handed the value, and nothing is dropped`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const [sender, receiver] = channel<number>(capacity, { overflow, onUndelivered: () => assert.fail("dropped") });
        for (let value = 0; value < 5; value++) {
          const receiving = group.spawn(() => receiver.receive());
          await waitAllTasksBlocked();
          await sender.send(value);
          assert.equal(await receiving, value);
        }
      }),
    ));

  test(`${overflow}: send is a checkpoint all the same, and a cancelled one drops nothing`, () =>
    virtually(async () => {
      const [sender, receiver] = channel<number>(1, { overflow, onUndelivered: () => assert.fail("dropped") });
      await sender.send(1);
      await cancelScope(async (scope) => {
        scope.cancel();
        await assert.rejects(sender.send(2), isCancelled);
      });
      assert.equal(await receiver.receive(), 1);
    }));

  test(`${overflow}: trySend is true also where a value is dropped: it was accepted`, () => {
    const undelivered: number[] = [];
    const [sender] = channel<number>(1, { overflow, onUndelivered: (value) => undelivered.push(value) });
    assert.equal(sender.trySend(1), true);
    assert.equal(sender.trySend(2), true);
    assert.equal(undelivered.length, 1);
  });
}

test("the last receiver that closes leaves what is buffered to the hook, in order, once", () =>
  virtually(async () => {
    const undelivered: number[] = [];
    const [sender, receiver] = channel<number>(5, { onUndelivered: (value) => undelivered.push(value) });
    for (let value = 0; value < 4; value++) await sender.send(value);
    assert.equal(await receiver.receive(), 0);
    const twin = receiver.clone();
    receiver.close();
    assert.deepEqual(undelivered, [], "somebody can still receive them");
    twin.close();
    twin.close();
    sender.close();
    assert.deepEqual(undelivered, [1, 2, 3]);
  }));

test("what a send that throws was to send was never accepted: it stays the sender's, and the hook does not see it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<string>(1, { onUndelivered: (value) => undelivered.push(value) });
      const undelivered: string[] = [];
      await sender.send("buffered");
      const broken = group.spawn(() => rejection(sender.send("waiting")));
      const cancelled = group.spawn(() => sender.send("cancelled"));
      await waitAllTasksBlocked();
      cancelled.cancel();
      receiver.close();
      assert.ok((await broken) instanceof BrokenError);
      await rejection(sender.send("late"));
      assert.deepEqual(undelivered, ["buffered"]);
    }),
  ));

test("the hook may use the channel: it is in order again when the hook is called", () =>
  virtually(async () => {
    const seen: string[] = [];
    const [sender, receiver] = channel<string>(1, {
      overflow: "dropOldest",
      onUndelivered: (value) => {
        seen.push(value);
        if (value === "a") assert.deepEqual(receiver.tryReceive(), { value: "b" });
        if (value === "c") assert.throws(() => sender.trySend("d"), BrokenError);
      },
    });
    await sender.send("a");
    await sender.send("b");
    assert.equal(receiver.statistics().buffered, 0);
    await sender.send("c");
    receiver.close();
    assert.deepEqual(seen, ["a", "c"]);
  }));

test("a hook that throws changes nothing: the send has been done, the others are told, and each error is raised once", async () => {
  const seen: number[] = [];
  const errors = [new Error("hook 0"), new Error("hook 1"), new Error("hook 2")];
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      const [sender, receiver] = channel<number>(2, {
        overflow: "dropOldest",
        onUndelivered: (value) => {
          seen.push(value);
          throw errors[value];
        },
      });
      await sender.send(0);
      await sender.send(1);
      await sender.send(2);
      assert.equal(receiver.statistics().buffered, 2);
      receiver.close();
      assert.ok((await rejection(sender.send(3))) instanceof BrokenError);
    }),
  );
  assert.deepEqual(seen, [0, 1, 2]);
  assert.deepEqual(raised, errors);
});

test("property: each value that was accepted is received or seen by the hook, exactly once, and order is kept", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<[number, ChannelOptions<number>["overflow"]]>(
        [1, "conflate"],
        [1, "dropOldest"],
        [3, "dropOldest"],
        [2, "dropLatest"],
        [0, "suspend"],
        [2, "suspend"],
      ),
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 0, max: 30 }),
      async ([capacity, overflow], seed, pauses, closeAtMs) => {
        const accepted: number[] = [];
        const received: number[] = [];
        const undelivered: number[] = [];
        await virtually(
          async () => {
            const [sender, receiver] = channel<number>(capacity, {
              overflow: overflow ?? "suspend",
              onUndelivered: (value) => undelivered.push(value),
            });
            await taskGroup((group) => {
              group.spawn(async () => {
                for (const [value, ms] of pauses.entries()) {
                  if (ms > 0) await sleep(ms - 1);
                  try {
                    await sender.send(value);
                    accepted.push(value);
                  } catch (error) {
                    assert.ok(error instanceof BrokenError);
                    break;
                  }
                }
                sender.close();
              });
              group.spawn(async () => {
                for await (const value of receiver) {
                  received.push(value);
                  if (value % 3 === 0) await sleep(2);
                  if (value >= closeAtMs) break;
                }
                receiver.close();
              });
            });
          },
          { seed },
        );
        assert.deepEqual(
          received,
          received.toSorted((a, b) => a - b),
        );
        assert.deepEqual(
          [...received, ...undelivered].sort((a, b) => a - b),
          accepted,
        );
      },
    ),
    { numRuns: 80 },
  );
});
