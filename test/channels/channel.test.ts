import assert from "node:assert/strict";
import test from "node:test";
import {
  BrokenError,
  ClosedError,
  cancelScope,
  channel,
  checkpoint,
  EndOfChannel,
  isCancelled,
  moveOnAfter,
  type Receiver,
  sleep,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

async function collect<T>(receiver: Receiver<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of receiver) values.push(value);
  return values;
}

test("capacity must be a whole number, zero or more, or Infinity", () => {
  for (const capacity of [-1, 0.5, Number.NaN, -Infinity]) {
    assert.throws(
      () => channel(capacity),
      (error: unknown) => error instanceof RangeError && error.message.includes(String(capacity)),
    );
  }
  for (const capacity of [0, 1, 1_000, Infinity]) channel(capacity);
});

test("a rendezvous: send returns when a receiver has taken the value", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<string>(0);
      const log: string[] = [];
      group.spawn(async () => {
        await sender.send("value");
        log.push("sent");
      });
      await waitAllTasksBlocked();
      assert.deepEqual(log, []);
      assert.equal(await receiver.receive(), "value");
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["sent"]);
    }),
  ));

test("a bounded channel takes as many values as its capacity without a receiver", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(2);
      await sender.send(1);
      await sender.send(2);
      assert.equal(await moveOnAfter(1, () => sender.send(3).then(() => "sent")), undefined);
      const sending = group.spawn(() => sender.send(3));
      await waitAllTasksBlocked();
      assert.equal(sending.done, false);
      assert.equal(await receiver.receive(), 1);
      await sending;
      assert.equal(await receiver.receive(), 2);
      assert.equal(await receiver.receive(), 3);
    }),
  ));

test("an unbounded channel never makes a sender wait", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(Infinity);
    for (let value = 0; value < 5_000; value++) await sender.send(value);
    sender.close();
    const values = await collect(receiver);
    assert.equal(values.length, 5_000);
    assert.ok(values.every((value, index) => value === index));
  }));

test("blocked senders are served in the order in which they came", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(1);
      for (let value = 0; value < 5; value++) {
        group.spawn(() => sender.send(value));
        await waitAllTasksBlocked();
      }
      for (let value = 0; value < 5; value++) assert.equal(await receiver.receive(), value);
    }),
  ));

test("blocked receivers are served in the order in which they came", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(1);
      const log: string[] = [];
      for (const name of "abc") {
        group.spawn(async () => {
          log.push(name + (await receiver.receive()));
        });
        await waitAllTasksBlocked();
      }
      for (let value = 0; value < 3; value++) await sender.send(value);
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["a0", "b1", "c2"]);
    }),
  ));

test("undefined can be sent", () =>
  virtually(async () => {
    const [sender, receiver] = channel<undefined>(2);
    await sender.send(undefined);
    await sender.send(undefined);
    sender.close();
    assert.deepEqual(await collect(receiver), [undefined, undefined]);
  }));

test("no sender any more: what is buffered, then EndOfChannel, again and again", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(2);
    await sender.send(1);
    await sender.send(2);
    sender.close();
    assert.equal(await receiver.receive(), 1);
    assert.equal(await receiver.receive(), 2);
    for (let again = 0; again < 2; again++) {
      const error = await rejection(receiver.receive());
      assert.ok(error instanceof EndOfChannel);
      assert.equal(error.code, "END_OF_CHANNEL");
    }
    const error = await rejection(sender.send(3));
    assert.ok(error instanceof ClosedError);
    assert.equal(error.code, "CLOSED");
  }));

test("no receiver any more: BrokenError for those who send and for those who wait to", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const sending = group.spawn(() => rejection(sender.send(1)));
      await waitAllTasksBlocked();
      receiver.close();
      const error = await sending;
      assert.ok(error instanceof BrokenError);
      assert.equal(error.code, "BROKEN");
      assert.ok((await rejection(sender.send(2))) instanceof BrokenError);
      assert.ok((await rejection(receiver.receive())) instanceof ClosedError);
    }),
  ));

test("room in the buffer is of no use without a receiver", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(Infinity);
    await sender.send(1);
    receiver.close();
    assert.ok((await rejection(sender.send(2))) instanceof BrokenError);
  }));

test("closing a half wakes those blocked in it with ClosedError, and nobody else", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<string>(0);
      const twin = sender.clone();
      const closed = group.spawn(() => rejection(sender.send("closed")));
      const open = group.spawn(() => twin.send("open"));
      await waitAllTasksBlocked();
      sender.close();
      assert.ok((await closed) instanceof ClosedError);
      assert.equal(open.done, false);
      assert.equal(await receiver.receive(), "open", "what a closed sender wanted to send is not received");
      await open;

      const other = receiver.clone();
      const receivingClosed = group.spawn(() => rejection(receiver.receive()));
      const receivingOpen = group.spawn(() => other.receive());
      await waitAllTasksBlocked();
      receiver.close();
      assert.ok((await receivingClosed) instanceof ClosedError);
      await twin.send("value");
      assert.equal(await receivingOpen, "value");
    }),
  ));

test("a local close wins over a peer's: ClosedError, even where the other half is closed, too", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(0);
    sender.close();
    receiver.close();
    assert.ok((await rejection(sender.send(1))) instanceof ClosedError);
    assert.ok((await rejection(receiver.receive())) instanceof ClosedError);
  }));

test("the channel ends when the last clone is closed, however often each is closed", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(1);
      const clones = [sender, sender.clone(), sender.clone()];
      const receiving = group.spawn(() => rejection(receiver.receive()));
      await waitAllTasksBlocked();
      for (const clone of clones.slice(0, 2)) {
        clone.close();
        clone.close();
        await waitAllTasksBlocked();
        assert.equal(receiving.done, false);
      }
      clones[2]?.close();
      assert.ok((await receiving) instanceof EndOfChannel);
    }),
  ));

test("the channel is broken when the last receiver is closed, however often each is closed", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(2);
    const clone = receiver.clone();
    receiver.close();
    receiver.close();
    await sender.send(1);
    clone.close();
    assert.ok((await rejection(sender.send(1))) instanceof BrokenError);
  }));

test("a closed half cannot be cloned", () => {
  const [sender, receiver] = channel<number>(0);
  sender.close();
  receiver.close();
  assert.throws(() => sender.clone(), ClosedError);
  assert.throws(() => receiver.clone(), ClosedError);
});

test("disposing is closing", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(1);
    {
      using held = sender;
      await held.send(1);
    }
    assert.deepEqual(await collect(receiver), [1]);
    {
      using _held = receiver;
    }
    assert.ok((await rejection(receiver.receive())) instanceof ClosedError);
  }));

test("leaving a for await loop leaves the receiver open", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(Infinity);
    for (let value = 0; value < 4; value++) await sender.send(value);
    for await (const value of receiver) if (value === 1) break;
    await assert.rejects(async () => {
      for await (const _ of receiver) throw new Error("own");
    }, /own/);
    assert.equal(await receiver.receive(), 3);
    await sender.send(4);
    sender.close();
    assert.deepEqual(await collect(receiver), [4]);
  }));

test("a for await loop ends at the end of the channel, and passes every other error", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const closed = group.spawn(() => rejection(collect(receiver)));
      await waitAllTasksBlocked();
      receiver.close();
      assert.ok((await closed) instanceof ClosedError);

      const [, other] = channel<number>(0);
      await cancelScope(async (scope) => {
        scope.cancel();
        await assert.rejects(collect(other), isCancelled);
      });
      sender.close();
    }),
  ));

test("several loops over clones share the values", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(0);
    const all: number[][] = [];
    await taskGroup(async (group) => {
      for (let worker = 0; worker < 3; worker++) {
        const clone = receiver.clone();
        group.spawn(async () => {
          const mine: number[] = [];
          all.push(mine);
          for await (const value of clone) {
            mine.push(value);
            await sleep(1);
          }
        });
      }
      receiver.close();
      for (let value = 0; value < 30; value++) await sender.send(value);
      sender.close();
    });
    assert.deepEqual(
      all.flat().sort((a, b) => a - b),
      Array.from({ length: 30 }, (_, value) => value),
    );
    for (const mine of all) assert.equal(mine.length, 10);
  }));

test("closing in the tick in which a value was handed over does not take it away", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const receiving = group.spawn(() => receiver.receive());
      await waitAllTasksBlocked();
      const sent = sender.send(1);
      sender.close();
      receiver.close();
      await sent;
      assert.equal(await receiving, 1);
    }),
  ));

test("property: with cancellation at random, each value is received once if its send returned, and never otherwise", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1, 2, Infinity),
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 25 }),
      fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 25 }),
      async (capacity, seed, sendTimeouts, receiveTimeouts) => {
        const sent: number[] = [];
        const received: number[] = [];
        await virtually(
          async () => {
            const [sender, receiver] = channel<number>(capacity);
            await taskGroup((group) => {
              sendTimeouts.forEach((ms, value) => {
                group.spawn(async () => {
                  await sleep(ms % 3);
                  await moveOnAfter(ms, async () => {
                    await sender.send(value);
                    sent.push(value);
                  });
                });
              });
              for (const ms of receiveTimeouts) {
                group.spawn(async () => {
                  await sleep(ms % 2);
                  await moveOnAfter(ms, async () => {
                    received.push(await receiver.receive());
                  });
                });
              }
            });
            await checkpoint();
            sender.close();
            received.push(...(await collect(receiver)));
          },
          { seed },
        );
        assert.deepEqual(
          received.sort((a, b) => a - b),
          sent.sort((a, b) => a - b),
        );
      },
    ),
    { numRuns: 60 },
  );
});
