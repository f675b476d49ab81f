/** `toReadableStream` and `toWritableStream`. */
import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import test from "node:test";
import {
  BrokenError,
  broadcast,
  type CancelScope,
  ClosedError,
  cancelScope,
  channel,
  fromReadable,
  fromWritable,
  isCancelled,
  sleep,
  sleepForever,
  taskGroup,
  toReadableStream,
  toWritableStream,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { rejection } from "../support/rejection.ts";
import { withPair } from "../support/streams.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

test("a readable stream gives what the receiver gives, and ends where it ends", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(Infinity);
    for (let value = 0; value < 4; value++) sender.trySend(value);
    sender.close();
    assert.deepEqual(await Array.fromAsync(toReadableStream(receiver)), [0, 1, 2, 3]);
  }));

test("a readable stream receives when somebody reads, and never ahead", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const reader = toReadableStream(receiver).getReader();
      const sending = group.spawn(() => sender.send(1));
      await sleep(1);
      assert.equal(sending.done, false);
      assert.deepEqual(await reader.read(), { value: 1, done: false });
      await sending;
      const next = group.spawn(() => sender.send(2));
      await sleep(1);
      assert.equal(next.done, false);
      next.cancel();
    }),
  ));

test("a readable stream fails with what the receiver fails with", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(1);
    sender.trySend(1);
    sender.abort("reason");
    const reader = toReadableStream(receiver).getReader();
    assert.equal((await reader.read()).value, 1);
    const error = await rejection(reader.read());
    assert.ok(error instanceof BrokenError);
    assert.equal(error.cause, "reason");
  }));

test("cancelling a readable stream closes the receiver, also while a read waits", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const reader = toReadableStream(receiver).getReader();
      const reading = group.spawn(() => reader.read());
      await waitAllTasksBlocked();
      await reader.cancel();
      assert.deepEqual(await reading, { value: undefined, done: true });
      assert.ok((await rejection(sender.send(1))) instanceof BrokenError);
      assert.ok((await rejection(receiver.receive())) instanceof ClosedError);
    }),
  ));

test("the waits of a stream belong to the scope in which it was made, whoever reads it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [, receiver] = channel<number>(0);
      let scope!: CancelScope;
      let stream!: ReadableStream<number>;
      const owner = group.spawn(() =>
        cancelScope(async (own) => {
          scope = own;
          stream = toReadableStream(receiver);
          await sleepForever();
        }),
      );
      await waitAllTasksBlocked();
      const reader = stream.getReader();
      const reading = Promise.allSettled([reader.read()]);
      await waitAllTasksBlocked();
      scope.cancel("why");
      await owner;
      const [outcome] = await reading;
      assert.ok(outcome?.status === "rejected" && isCancelled(outcome.reason));
      assert.equal(outcome.reason.scope, scope);
    }),
  ));

test("a reader that is cancelled does not take the stream down: the chunk goes to the next", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, source] = channel<number>(0);
      const receiver = fromReadable(toReadableStream(source));
      const reading = group.spawn(() => receiver.receive());
      await waitAllTasksBlocked();
      reading.cancel();
      await waitAllTasksBlocked();
      await sender.send(1);
      assert.equal(await receiver.receive(), 1);
      await receiver.close();
    }),
  ));

test("a writable stream sends what is written, one write at a time, and ends the channel", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const writer = toWritableStream(sender).getWriter();
      const writes = [1, 2].map((value) => group.spawn(() => writer.write(value)));
      await sleep(1);
      assert.equal(writer.desiredSize, -1);
      assert.equal(writes[0]?.done, false, "a write is done when the send is");
      assert.equal(await receiver.receive(), 1);
      await writes[0];
      assert.equal(await receiver.receive(), 2);
      await writer.close();
      assert.deepEqual(await Array.fromAsync(receiver), []);
    }),
  ));

test("a writable stream fails when no receiver is left, also while a write waits", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const writer = toWritableStream(sender).getWriter();
      const closed = rejection(writer.closed);
      const writing = group.spawn(() => rejection(writer.write(1)));
      await waitAllTasksBlocked();
      receiver.close();
      assert.ok((await writing) instanceof BrokenError);
      assert.ok((await closed) instanceof BrokenError);
    }),
  ));

test("aborting a writable stream aborts the sender at once, also while a write waits: what was sent is not taken for all", () =>
  virtually(() =>
    taskGroup(async (group) => {
      for (const mustWait of [true, false]) {
        const [sender, receiver] = channel<number>(0);
        const writer = toWritableStream(sender).getWriter();
        writer.closed.catch(() => {});
        const reason = new Error("own");
        const writing = mustWait ? group.spawn(() => rejection(writer.write(1))) : undefined;
        await waitAllTasksBlocked();
        await writer.abort(reason);
        if (writing !== undefined) assert.ok((await writing) instanceof Error);
        const error = await rejection(receiver.receive());
        assert.ok(error instanceof BrokenError);
        assert.equal(error.cause, reason);
      }
    }),
  ));

test("the writes of a stream belong to the scope in which it was made", () =>
  virtually(async () => {
    const [sender] = channel<number>(0);
    let writer!: WritableStreamDefaultWriter<number>;
    let writing!: Promise<unknown>;
    await cancelScope(async (scope) => {
      writer = toWritableStream(sender).getWriter();
      writer.closed.catch(() => {});
      writing = rejection(writer.write(1));
      await waitAllTasksBlocked();
      scope.cancel();
    });
    assert.ok(isCancelled(await writing));
  }));

test("streams that were abandoned raise nothing when their scope is cancelled", async () => {
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      const [sender, receiver] = channel<number>(0);
      await cancelScope(async (scope) => {
        const [, other] = channel<number>(0);
        void fromReadable(toReadableStream(other)).receive();
        void fromWritable(toWritableStream(sender)).send(1);
        await waitAllTasksBlocked();
        scope.cancel();
      });
      receiver.close();
      await sleep(1);
    }),
  );
  assert.deepEqual(raised, []);
});

test("other things that can be iterated and closed are streams, too: a subscription, a byte stream", () =>
  virtually(async () => {
    const [sender, source] = broadcast<string>(4);
    const news = toReadableStream(source.subscribe());
    sender.send("a");
    sender.send("b");
    sender.close();
    assert.deepEqual(await Array.fromAsync(news), ["a", "b"]);

    await withPair(async (left, right) => {
      const writer = toWritableStream<Uint8Array>(left).getWriter();
      await writer.write(Uint8Array.of(1, 2));
      await writer.write(Uint8Array.of(3));
      await writer.close();
      assert.deepEqual(Buffer.concat(await Array.fromAsync(toReadableStream(right))), Buffer.of(1, 2, 3));
    });
  }));

test("Node's own streams are one step further, in both directions", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [input, inner] = channel<string>(0);
      const [outer, output] = channel<string>(0);
      const readable = Readable.fromWeb(toReadableStream(inner) as import("node:stream/web").ReadableStream, {
        objectMode: true,
      });
      const writable = Writable.fromWeb(toWritableStream(outer) as import("node:stream/web").WritableStream, {
        objectMode: true,
      });
      readable.pipe(writable);
      group.spawn(async () => {
        for (const value of "abcdef") await input.send(value);
        input.close();
      });
      assert.deepEqual(await Array.fromAsync(output), [..."abcdef"]);
    }),
  ));

test("backpressure holds through a whole chain: nothing runs ahead of the slowest by more than what each part buffers", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, middle] = channel<number>(1);
      const [outer, receiver] = channel<number>(1);
      let sent = 0;
      group.spawn(async () => {
        for (; sent < 50; sent++) await sender.send(sent);
        sender.close();
      });
      void toReadableStream(middle)
        .pipeThrough(new TransformStream<number, number>({ transform: (value, out) => out.enqueue(-value) }))
        .pipeTo(toWritableStream(outer));
      for (let value = 0; value < 50; value++) {
        await sleep(1);
        assert.ok(sent - value <= 8, `${sent} were sent when ${value} had been received`);
        assert.equal(await receiver.receive(), -value);
      }
      assert.deepEqual(await Array.fromAsync(receiver), []);
    }),
  ));

test("property: a channel through streams and back loses nothing and keeps the order, at any pace", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.constantFrom(0, 1, 3),
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 25 }),
      fc.integer({ min: 0, max: 3 }),
      fc.boolean(),
      async (seed, capacity, pauses, pace, isThroughNode) => {
        const received: number[] = [];
        await virtually(
          async () => {
            const [sender, inner] = channel<number>(capacity);
            const [outer, receiver] = channel<number>(capacity);
            await taskGroup((group) => {
              group.spawn(async () => {
                for (const [value, ms] of pauses.entries()) {
                  await sleep(ms);
                  await sender.send(value);
                }
                sender.close();
              });
              group.spawn(async () => {
                const web = toReadableStream(inner);
                const from = isThroughNode
                  ? fromReadable<number>(
                      Readable.fromWeb(web as import("node:stream/web").ReadableStream, { objectMode: true }),
                    )
                  : fromReadable(web);
                await using to = fromWritable(toWritableStream(outer));
                for await (const value of from) await to.send(value);
              });
              group.spawn(async () => {
                for await (const value of receiver) {
                  received.push(value);
                  await sleep(pace);
                }
              });
            });
          },
          { seed },
        );
        assert.deepEqual(received, [...pauses.keys()]);
      },
    ),
    { numRuns: 40 },
  );
});
