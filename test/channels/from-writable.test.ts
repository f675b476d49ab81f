/** `fromWritable`, for both families of streams. */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import test from "node:test";
import {
  ClosedError,
  cancelScope,
  fromWritable,
  isCancelled,
  moveOnAfter,
  type StreamSender,
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

interface Sink {
  readonly sender: StreamSender<number>;
  /** What was written, in order. */
  readonly written: number[];
  /** Ends the write that is under way. */
  finish(error?: Error): void;
  readonly ends: unknown[];
  /** That nothing of ours is left on the stream. */
  verifyLetGo(): void;
}

/** Both write one value at a time and are full with two. */
function webSink(): Sink {
  const written: number[] = [];
  const ends: unknown[] = [];
  let write = Promise.withResolvers<void>();
  const stream = new WritableStream<number>(
    {
      write: (value) => {
        written.push(value);
        write = Promise.withResolvers();
        return write.promise;
      },
      close: () => void ends.push("end"),
      abort: (reason) => void ends.push(reason),
    },
    { highWaterMark: 2 },
  );
  return {
    sender: fromWritable(stream),
    written,
    finish: (error) => (error === undefined ? write.resolve() : write.reject(error)),
    ends,
    verifyLetGo: () => assert.equal(stream.locked, false),
  };
}

function nodeSink(): Sink {
  const written: number[] = [];
  const ends: unknown[] = [];
  let finish: (error?: Error) => void = () => {};
  const stream = new Writable({
    objectMode: true,
    highWaterMark: 2,
    write: (value: number, _, done) => {
      written.push(value);
      finish = done;
    },
    final: (done) => {
      ends.push("end");
      done();
    },
    destroy: (error, done) => {
      if (!ends.includes("end")) ends.push(error ?? undefined);
      done(error);
    },
  });
  const before = listenerCount(stream);
  return {
    sender: fromWritable<number>(stream),
    written,
    finish: (error) => finish(error),
    ends,
    verifyLetGo: () => assert.equal(listenerCount(stream), before),
  };
}

function listenerCount(stream: Writable): number {
  return stream.eventNames().reduce((sum, name) => sum + stream.listenerCount(name), 0);
}

/** Lets the stream write, one value after the other, until it wants no more. */
async function writeAll({ finish, written }: Sink): Promise<void> {
  for (let before = -1; before < written.length; ) {
    before = written.length;
    finish();
    await waitAllTasksBlocked();
  }
}

for (const [name, open] of [
  ["a web stream", webSink],
  ["a Node stream", nodeSink],
] as const) {
  test(`${name}: a send waits while it is full, and is done when the value is handed over`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const sink = open();
        const { sender, written, finish } = sink;
        await sender.send(0);
        await sender.send(1);
        const log: number[] = [];
        for (const value of [2, 3]) {
          group.spawn(async () => {
            await sender.send(value);
            log.push(value);
          });
          await waitAllTasksBlocked();
        }
        assert.deepEqual(written, [0]);
        assert.deepEqual(log, []);
        for (let round = 0; round < 4; round++) {
          finish();
          await waitAllTasksBlocked();
        }
        assert.deepEqual(log, [2, 3]);
        assert.deepEqual(written, [0, 1, 2, 3]);
      }),
    ));

  test(`${name}: closing writes what was sent, ends it and lets it go`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const sink = open();
        await sink.sender.send(0);
        await sink.sender.send(1);
        const blocked = group.spawn(() => rejection(sink.sender.send(2)));
        await waitAllTasksBlocked();
        const closing = group.spawn(() => sink.sender.close());
        assert.ok((await blocked) instanceof ClosedError);
        await waitAllTasksBlocked();
        assert.equal(closing.done, false);
        await writeAll(sink);
        await closing;
        await sink.sender.close();
        assert.deepEqual(sink.written, [0, 1]);
        assert.deepEqual(sink.ends, ["end"]);
        assert.ok((await rejection(sink.sender.send(3))) instanceof ClosedError);
        sink.verifyLetGo();
        sink.sender.abort();
      }),
    ));

  test(`${name}: cancelled while it closes, the rest is dropped and it is aborted`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const sink = open();
        await sink.sender.send(0);
        await sink.sender.send(1);
        const closing = attempt(group, () => sink.sender.close());
        await waitAllTasksBlocked();
        closing.scope.cancel("why");
        await closing.over;
        assert.equal(closing.outcome, "cancelled");
        sink.finish();
        await sleep(1);
        assert.deepEqual(sink.written, [0]);
        assert.equal(sink.ends.length, 1);
        assert.ok(isCancelled(sink.ends[0]));
        sink.verifyLetGo();
      }),
    ));

  test(`${name}: closed in a cancelled scope, it is aborted at once`, () =>
    virtually(async () => {
      const sink = open();
      await sink.sender.send(0);
      await cancelScope(async (scope) => {
        scope.cancel();
        await assert.rejects(sink.sender.close(), isCancelled);
      });
      sink.finish();
      await sleep(1);
      assert.ok(isCancelled(sink.ends[0]));
      assert.ok((await rejection(sink.sender.send(1))) instanceof ClosedError);
      sink.verifyLetGo();
    }));

  test(`${name}: aborting passes the reason, wakes who waits, and lets it go`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const sink = open();
        const reason = new Error("own");
        await sink.sender.send(0);
        await sink.sender.send(1);
        const blocked = group.spawn(() => rejection(sink.sender.send(2)));
        await waitAllTasksBlocked();
        sink.sender.abort(reason);
        sink.sender.abort(new Error("later"));
        assert.ok((await blocked) instanceof ClosedError);
        sink.finish();
        await sleep(1);
        assert.deepEqual(sink.ends, [reason]);
        await sink.sender.close();
        sink.verifyLetGo();
      }),
    ));

  test(`${name}: a write that fails is told unchanged to those who wait and to those who come, but not once more by close`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const sink = open();
        const error = new Error("own");
        await sink.sender.send(0);
        await sink.sender.send(1);
        const blocked = [2, 3].map((value) => group.spawn(() => rejection(sink.sender.send(value))));
        await waitAllTasksBlocked();
        sink.finish(error);
        for (const task of blocked) assert.equal(await task, error);
        assert.equal(await rejection(sink.sender.send(4)), error);
        await sink.sender.close();
        assert.ok((await rejection(sink.sender.send(5))) instanceof ClosedError);
        sink.verifyLetGo();
      }),
    ));

  test(`${name}: a write that fails with nobody waiting is told by close`, () =>
    virtually(async () => {
      for (const isFailedFirst of [true, false]) {
        const sink = open();
        const error = new Error("own");
        await sink.sender.send(0);
        await waitAllTasksBlocked();
        if (isFailedFirst) sink.finish(error);
        await sleep(1);
        const closing = rejection(sink.sender.close());
        await waitAllTasksBlocked();
        if (!isFailedFirst) sink.finish(error);
        assert.equal(await closing, error);
        sink.verifyLetGo();
      }
    }));

  test(`${name}: disposing is closing`, () =>
    virtually(async () => {
      const sink = open();
      {
        await using _sender = sink.sender;
      }
      assert.deepEqual(sink.ends, ["end"]);
      sink.verifyLetGo();
    }));

  test(`${name}: disposing in a cancelled scope closes it, and the scope ends as cancelled, by nothing else`, () =>
    virtually(async () => {
      const it = open();
      await cancelScope(async (scope) => {
        await using _held = it.sender;
        scope.cancel();
        await sleep(1);
      });
      await sleep(1);
      it.verifyLetGo();
    }));

  test(`${name}: cancelled before or during, a send has had no effect`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const sink = open();
        await cancelScope(async (scope) => {
          scope.cancel();
          await assert.rejects(sink.sender.send(9), isCancelled);
        });
        await sink.sender.send(0);
        await sink.sender.send(1);
        const waiting = attempt(group, () => sink.sender.send(9));
        const next = group.spawn(() => sink.sender.send(2));
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        await writeAll(sink);
        await next;
        assert.deepEqual(sink.written, [0, 1, 2]);
      }),
    ));

  test(`${name}: cancelled in the tick in which there was room, a send has happened or has not`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        for (const isCancelledFirst of [true, false]) {
          const sink = open();
          await sink.sender.send(0);
          await sink.sender.send(1);
          const waiting = attempt(group, () => sink.sender.send(2));
          await waitAllTasksBlocked();
          if (isCancelledFirst) waiting.scope.cancel();
          sink.finish();
          waiting.scope.cancel();
          await waiting.over;
          await writeAll(sink);
          assert.deepEqual(sink.written, waiting.outcome === "cancelled" ? [0, 1] : [0, 1, 2]);
        }
      }),
    ));

  test(`${name}: shielded, a send waits on; nested, the outer cancellation passes`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const sink = open();
        await sink.sender.send(0);
        await sink.sender.send(1);
        const shielded = attempt(group, () => shield(() => sink.sender.send(2)));
        const nested = attempt(group, () => cancelScope(() => cancelScope(() => sink.sender.send(3))));
        await waitAllTasksBlocked();
        shielded.scope.cancel();
        nested.scope.cancel();
        await nested.over;
        assert.equal(nested.outcome, "cancelled");
        assert.equal(shielded.outcome, "pending");
        await writeAll(sink);
        await shielded.over;
        assert.equal(shielded.didNextThrow, true);
        assert.deepEqual(sink.written, [0, 1, 2]);
      }),
    ));

  test(`${name}: what was abandoned raises nothing when it is cancelled`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(async () => {
        const sink = open();
        await cancelScope(async (scope) => {
          for (let value = 0; value < 3; value++) void sink.sender.send(value);
          await waitAllTasksBlocked();
          scope.cancel();
          void sink.sender.send(4);
          void sink.sender.close();
        });
        sink.finish();
        await sleep(1);
      }),
    );
    assert.deepEqual(raised, []);
  });

  test(`${name}: property: with cancellation at random, what was sent is written, once and in order`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 4 }),
        async (seed, timeouts, pace) => {
          await virtually(
            async () => {
              const sink = open();
              const sent: number[] = [];
              await taskGroup(async (group) => {
                const writing = group.spawn(async () => {
                  for (;;) {
                    await sleep(pace);
                    sink.finish();
                  }
                });
                for (const [value, ms] of timeouts.entries()) {
                  await moveOnAfter(ms, async () => {
                    await sink.sender.send(value);
                    sent.push(value);
                  });
                }
                await sink.sender.close();
                writing.cancel();
              });
              assert.deepEqual(sink.written, sent);
              sink.verifyLetGo();
            },
            { seed },
          );
        },
      ),
      { numRuns: 40 },
    );
  });
}
