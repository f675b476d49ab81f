/**
 * Rule 20: close is idempotent, closes even when cancelled, and wakes everyone blocked on the thing; a local close always reads
 * `ClosedError`, a peer's failure `BrokenError`; leaving a loop closes nothing. (What byte streams make of it is tested with them.)
 */
import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import test from "node:test";
import {
  BrokenError,
  broadcast,
  ClosedError,
  cancelScope,
  channel,
  EndOfChannel,
  fromReadable,
  fromWritable,
  isCancelled,
  LifoQueue,
  PriorityQueue,
  Queue,
  taskGroup,
  watch,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

interface Closable {
  readonly name: string;
  open(): Opened;
}

interface Opened {
  /** Blocks in the thing; absent where nothing of it ever waits. */
  readonly wait?: () => Promise<unknown>;
  /** Uses the thing after it was closed, which must fail. */
  use(): unknown;
  close(): unknown;
  /** How the loops and waits of the thing end; by default with ClosedError. */
  readonly ending?: typeof EndOfChannel;
  /** The other side fails or goes away, so the thing would throw something else. */
  peerGoes?(): void;
}

const nothing = (): void => {};

const closables: readonly Closable[] = [
  {
    name: "a channel's sender",
    open: () => {
      const [sender, receiver] = channel<number>(0);
      const send = () => sender.send(1);
      return { wait: send, use: send, close: () => sender.close(), peerGoes: () => receiver.close() };
    },
  },
  {
    name: "a channel's sender, aborted",
    open: () => {
      const [sender, receiver] = channel<number>(0);
      const send = () => sender.send(1);
      return { wait: send, use: send, close: () => sender.abort(), peerGoes: () => receiver.close() };
    },
  },
  {
    name: "a channel's receiver",
    open: () => {
      const [sender, receiver] = channel<number>(0);
      const receive = () => receiver.receive();
      return { wait: receive, use: receive, close: () => receiver.close(), peerGoes: () => sender.abort() };
    },
  },
  {
    name: "a subscription",
    open: () => {
      const [sender, source] = broadcast<number>(1);
      const subscription = source.subscribe();
      const receive = () => subscription.receive();
      return { wait: receive, use: receive, close: () => subscription.close(), peerGoes: () => sender.close() };
    },
  },
  {
    name: "a broadcast's sender",
    open: () => {
      const [sender] = broadcast<number>(1);
      return { use: () => sender.send(1), close: () => sender.close() };
    },
  },
  {
    name: "a watch's receiver",
    open: () => {
      const [sender, receiver] = watch(0);
      const changed = () => receiver.changed();
      return { wait: changed, use: changed, close: () => receiver.close(), peerGoes: () => sender.close() };
    },
  },
  {
    name: "a watch's sender",
    open: () => {
      const [sender, receiver] = watch(0);
      return { use: () => sender.send(1), close: () => sender.close(), peerGoes: () => receiver.close() };
    },
  },
  { name: "a queue that is put into", open: () => openPut(new Queue(1)) },
  { name: "a LIFO queue that is put into", open: () => openPut(new LifoQueue(1)) },
  {
    name: "a priority queue that is put into",
    open: () => openPut(new PriorityQueue({ maxSize: 1, compare: () => 0 })),
  },
  {
    name: "a queue that is got from",
    open: () => {
      const queue = new Queue<number>();
      const get = () => queue.get();
      return { wait: get, use: get, close: () => queue.shutdown({ immediate: true }), ending: EndOfChannel };
    },
  },
  {
    name: "the receiver of a web stream",
    open: () => {
      let controller!: ReadableStreamDefaultController;
      const receiver = fromReadable(
        new ReadableStream<number>({
          start: (given) => {
            controller = given;
          },
        }),
      );
      const receive = () => receiver.receive();
      const peerGoes = () => controller.error(new Error("peer"));
      return { wait: receive, use: receive, close: () => receiver.close(), peerGoes };
    },
  },
  {
    name: "the receiver of a Node stream",
    open: () => {
      const stream = new Readable({ read: nothing });
      const receiver = fromReadable(stream);
      const receive = () => receiver.receive();
      const peerGoes = () => void stream.destroy(new Error("peer"));
      return { wait: receive, use: receive, close: () => receiver.close(), peerGoes };
    },
  },
  {
    name: "the sender of a web stream",
    open: () => {
      const sender = fromWritable(new WritableStream<number>({ write: () => new Promise(nothing) }));
      const send = () => sender.send(1);
      void send();
      return { wait: send, use: send, close: () => sender.abort() };
    },
  },
  {
    name: "the sender of a Node stream",
    open: () => {
      const stream = new Writable({ objectMode: true, highWaterMark: 1, write: nothing });
      const sender = fromWritable(stream);
      const send = () => sender.send(1);
      void send();
      const peerGoes = () => void stream.destroy(new Error("peer"));
      return { wait: send, use: send, close: () => sender.abort(), peerGoes };
    },
  },
];

function openPut(queue: Queue<number>): Opened {
  queue.tryPut(0);
  const put = () => queue.put(1);
  return { wait: put, use: put, close: () => queue.shutdown() };
}

for (const { name, open } of closables) {
  const errorOf = (it: Opened) => it.ending ?? ClosedError;
  const failure = async (use: () => unknown) => rejection((async () => await use())());

  test(`${name}: closing is idempotent, and afterwards it is closed, again and again`, () =>
    virtually(async () => {
      const it = open();
      await it.close();
      await it.close();
      for (let again = 0; again < 2; again++) assert.ok((await failure(it.use)) instanceof errorOf(it));
      await it.close();
    }));

  test(`${name}: a local close wins over whatever the other side does`, () =>
    virtually(async () => {
      for (const isPeerFirst of [true, false]) {
        const it = open();
        if (isPeerFirst) it.peerGoes?.();
        await waitAllTasksBlocked();
        try {
          await it.close();
        } catch (error) {
          assert.equal((error as Error).message, "peer", "closing tells of a failure that nobody has heard of");
        }
        if (!isPeerFirst) it.peerGoes?.();
        await waitAllTasksBlocked();
        assert.ok((await failure(it.use)) instanceof errorOf(it));
      }
    }));

  test(`${name}: it closes in a cancelled scope, too`, () =>
    virtually(async () => {
      const it = open();
      await cancelScope(async (scope) => {
        scope.cancel();
        try {
          await it.close();
        } catch (error) {
          if (!isCancelled(error)) throw error;
        }
      });
      assert.ok((await failure(it.use)) instanceof errorOf(it));
    }));

  test(`${name}: closing wakes everyone who is blocked in it`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const { wait } = it;
        if (wait === undefined) return;
        const blocked = Array.from({ length: 3 }, () => group.spawn(() => rejection(wait())));
        await waitAllTasksBlocked();
        assert.ok(blocked.every((task) => !task.done));
        const closing = it.close();
        for (const task of blocked) assert.ok((await task) instanceof errorOf(it));
        await closing;
      }),
    ));
}

test("a peer's failure is a BrokenError: no receiver is left, or a sender was aborted", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const sending = group.spawn(() => rejection(sender.send(1)));
      await waitAllTasksBlocked();
      receiver.close();
      assert.ok((await sending) instanceof BrokenError);

      const [aborted, waiting] = channel<number>(0);
      const receiving = group.spawn(() => rejection(waiting.receive()));
      await waitAllTasksBlocked();
      aborted.abort("reason");
      const error = await receiving;
      assert.ok(error instanceof BrokenError);
      assert.equal(error.cause, "reason");

      const [level, levels] = watch(0);
      levels.close();
      assert.throws(() => level.send(1), BrokenError);
    }),
  ));

test("leaving a loop closes nothing, whichever way it is left", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(Infinity);
    for (let value = 0; value < 5; value++) await sender.send(value);
    for await (const _ of receiver) break;
    await assert.rejects(async () => {
      for await (const _ of receiver) throw new Error("own");
    }, /own/);
    await (async () => {
      for await (const _ of receiver) return;
    })();
    await cancelScope(async (scope) => {
      for await (const _ of receiver) scope.cancel();
    });
    assert.equal(await receiver.receive(), 4);
  }));
