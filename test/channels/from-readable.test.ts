/** `fromReadable`, for both families of streams. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import test from "node:test";
import {
  ClosedError,
  cancelScope,
  EndOfChannel,
  fromReadable,
  isCancelled,
  moveOnAfter,
  type StreamReceiver,
  shield,
  sleep,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { attempt } from "../support/attempt.ts";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

interface Source {
  readonly receiver: StreamReceiver<number>;
  push(value: number): void;
  end(): void;
  fail(error: Error): void;
  /** What the other side was told about the end of its reader. */
  readonly stopped: { readonly reason: unknown }[];
  /** That nothing of ours is left on the stream. */
  verifyLetGo(): void;
}

function webSource(): Source {
  const stopped: { reason: unknown }[] = [];
  let controller!: ReadableStreamDefaultController<number>;
  const stream = new ReadableStream<number>({
    start: (given) => {
      controller = given;
    },
    cancel: (reason) => {
      stopped.push({ reason });
    },
  });
  return {
    receiver: fromReadable(stream),
    push: (value) => controller.enqueue(value),
    end: () => controller.close(),
    fail: (error) => controller.error(error),
    stopped,
    verifyLetGo: () => assert.equal(stream.locked, false),
  };
}

function nodeSource(): Source {
  const stopped: { reason: unknown }[] = [];
  const stream = new Readable({
    objectMode: true,
    read: () => {},
    destroy: (error, done) => {
      if (!stream.readableEnded) stopped.push({ reason: error ?? undefined });
      done(error);
    },
  });
  const before = listenerCount(stream);
  return {
    receiver: fromReadable<number>(stream),
    push: (value) => void stream.push(value),
    end: () => void stream.push(null),
    fail: (error) => void stream.destroy(error),
    stopped,
    verifyLetGo: () => assert.equal(listenerCount(stream), before),
  };
}

function listenerCount(stream: Readable): number {
  return stream.eventNames().reduce((sum, name) => sum + stream.listenerCount(name), 0);
}

for (const [name, open] of [
  ["a web stream", webSource],
  ["a Node stream", nodeSource],
] as const) {
  test(`${name}: its chunks are received in order, then its end, and it is let go`, () =>
    virtually(async () => {
      const { receiver, push, end, stopped, verifyLetGo } = open();
      for (let value = 0; value < 5; value++) push(value);
      end();
      for (let value = 0; value < 5; value++) assert.equal(await receiver.receive(), value);
      for (let again = 0; again < 2; again++) assert.ok((await rejection(receiver.receive())) instanceof EndOfChannel);
      await sleep(1);
      verifyLetGo();
      await receiver.close();
      assert.deepEqual(stopped, [], "what has ended is left as it is");
    }));

  test(`${name}: those who wait are served in order, and the end wakes the rest`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { receiver, push, end } = open();
        const waiting = Array.from({ length: 4 }, () => group.spawn(() => receiver.receive().catch((error) => error)));
        await waitAllTasksBlocked();
        push(1);
        push(2);
        end();
        assert.equal(await waiting[0], 1);
        assert.equal(await waiting[1], 2);
        assert.ok((await waiting[2]) instanceof EndOfChannel);
        assert.ok((await waiting[3]) instanceof EndOfChannel);
      }),
    ));

  test(`${name}: what it fails with is thrown unchanged, by every wait, and it is let go`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { receiver, fail, verifyLetGo } = open();
        const error = new Error("own");
        const waiting = [1, 2].map(() => group.spawn(() => rejection(receiver.receive())));
        await waitAllTasksBlocked();
        fail(error);
        for (const task of waiting) assert.equal(await task, error);
        assert.equal(await rejection(receiver.receive()), error);
        await assert.rejects(Array.fromAsync(receiver), error);
        verifyLetGo();
        await receiver.close();
        assert.ok((await rejection(receiver.receive())) instanceof ClosedError);
      }),
    ));

  test(`${name}: a failure that came while nobody received is kept for the next receive`, () =>
    virtually(async () => {
      const { receiver, fail } = open();
      const error = new Error("own");
      fail(error);
      await sleep(1);
      assert.equal(await rejection(receiver.receive()), error);
    }));

  test(`${name}: a failure that nobody has heard of is told by close`, () =>
    virtually(async () => {
      const { receiver, fail, verifyLetGo } = open();
      const error = new Error("own");
      fail(error);
      await sleep(1);
      assert.equal(await rejection(receiver.close()), error);
      verifyLetGo();
    }));

  test(`${name}: closing stops it with the reason, wakes who waits, and lets it go`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { receiver, stopped, verifyLetGo } = open();
        const reason = new Error("enough");
        const waiting = group.spawn(() => rejection(receiver.receive()));
        await waitAllTasksBlocked();
        const closing = receiver.close(reason);
        assert.ok((await waiting) instanceof ClosedError);
        await closing;
        await receiver.close();
        assert.deepEqual(stopped, [{ reason }]);
        await sleep(1);
        verifyLetGo();
      }),
    ));

  test(`${name}: disposing is closing, also when the block is left by an error`, () =>
    virtually(async () => {
      const source = open();
      await assert.rejects(async () => {
        await using receiver = source.receiver;
        source.push(1);
        assert.equal(await receiver.receive(), 1);
        throw new Error("own");
      }, /own/);
      assert.equal(source.stopped.length, 1);
      source.verifyLetGo();
    }));

  test(`${name}: disposing in a cancelled scope closes it, and the scope ends as cancelled, by nothing else`, () =>
    virtually(async () => {
      const it = open();
      await cancelScope(async (scope) => {
        await using _held = it.receiver;
        scope.cancel();
        await sleep(1);
      });
      await sleep(1);
      it.verifyLetGo();
    }));

  test(`${name}: cancelled before, a receive takes nothing`, () =>
    virtually(async () => {
      const { receiver, push, end } = open();
      push(1);
      await cancelScope(async (scope) => {
        scope.cancel();
        await assert.rejects(receiver.receive(), isCancelled);
      });
      end();
      assert.deepEqual(await Array.fromAsync(receiver), [1]);
    }));

  test(`${name}: cancelled during, a receive throws at once, and the chunk that it asked for is kept for the next`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { receiver, push, end } = open();
        const waiting = attempt(group, () => receiver.receive());
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        push(1);
        push(2);
        await sleep(1);
        end();
        assert.deepEqual(await Array.fromAsync(receiver), [1, 2]);
      }),
    ));

  test(`${name}: cancelled in the tick in which a chunk came, it is received now or by the next, and never lost`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        for (const isCancelledFirst of [true, false]) {
          const { receiver, push, end } = open();
          const waiting = attempt(group, () => receiver.receive());
          await waitAllTasksBlocked();
          if (isCancelledFirst) waiting.scope.cancel();
          push(1);
          waiting.scope.cancel();
          await waiting.over;
          push(2);
          end();
          const rest = await Array.fromAsync(receiver);
          assert.deepEqual(waiting.outcome === "cancelled" ? rest : [waiting.outcome, ...rest], [1, 2]);
        }
      }),
    ));

  test(`${name}: shielded, a receive does not notice a cancellation outside`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { receiver, push, end } = open();
        const waiting = attempt(group, () => shield(() => receiver.receive()));
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        push(1);
        await waiting.over;
        assert.equal(waiting.outcome, 1);
        assert.equal(waiting.didNextThrow, true);
        end();
      }),
    ));

  test(`${name}: nested, the outer cancellation passes the scopes in between`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { receiver, end } = open();
        const waiting = attempt(group, () => cancelScope(() => cancelScope(() => receiver.receive())));
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        end();
      }),
    ));

  test(`${name}: a receive that was abandoned raises nothing when it is cancelled`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(async () => {
        const { receiver } = open();
        await cancelScope(async (scope) => {
          void receiver.receive();
          scope.cancel();
        });
        await receiver.close();
      }),
    );
    assert.deepEqual(raised, []);
  });

  test(`${name}: property: with cancellation at random, nothing is lost and order is kept`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 25 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 15 }),
        async (seed, pauses, timeouts) => {
          const received: number[] = [];
          await virtually(
            async () => {
              const { receiver, push, end } = open();
              await taskGroup((group) => {
                group.spawn(async () => {
                  for (const [value, ms] of pauses.entries()) {
                    await sleep(ms);
                    push(value);
                  }
                  end();
                });
                group.spawn(async () => {
                  for (const ms of timeouts) {
                    await moveOnAfter(ms, async () => {
                      for (;;) received.push(await receiver.receive());
                    }).catch((error) => assert.ok(error instanceof EndOfChannel));
                  }
                  for await (const value of receiver) received.push(value);
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
}
