/** The waits of channels, broadcasts, watches, queues and streams as cases of a `select`: one happens, the others have not. */
import assert from "node:assert/strict";
import test from "node:test";
import { broadcast, channel, fromCallback, fromReadable, Queue, select, taskGroup, watch } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { virtually } from "../support/virtual.ts";

test("where all become ready in one tick, each select takes one, and all are taken in the end", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [news, source] = broadcast<number>(4);
      const subscription = source.subscribe();
      const [level, levels] = watch(0);
      const queue = new Queue<number>();
      const full = new Queue<number>(1);
      full.tryPut(0);
      const [sender, receiver] = channel<number>(1);
      let controller!: ReadableStreamDefaultController<number>;
      const stream = fromReadable(
        new ReadableStream<number>({
          start: (given) => {
            controller = given;
          },
        }),
      );
      const chosen = () =>
        select({
          receive: () => receiver.receive(),
          news: () => subscription.receive(),
          level: () => levels.changed(),
          get: () => queue.get(),
          put: () => full.put(5),
          chunk: () => stream.receive(),
        });
      const first = group.spawn(chosen);
      await waitAllTasksBlocked();
      news.send(1);
      level.send(2);
      queue.tryPut(3);
      full.tryGet();
      controller.enqueue(4);
      sender.trySend(6);
      assert.deepEqual(await first, { key: "news", value: 1 });
      assert.equal(full.size, 0, "the put that was not chosen has put nothing");
      const rest = [];
      for (let count = 0; count < 5; count++) rest.push(await chosen());
      assert.deepEqual(rest, [
        { key: "receive", value: 6 },
        { key: "level", value: 2 },
        { key: "get", value: 3 },
        { key: "put", value: undefined },
        { key: "chunk", value: 4 },
      ]);
      assert.deepEqual(full.tryGet(), { value: 5 });
      await stream.close();
    }),
  ));

test("where all are closed while a select waits, it throws once, and nothing is left behind", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const twin = receiver.clone();
      const selecting = group.spawn(() =>
        select({ one: () => receiver.receive(), other: () => twin.receive(), third: () => receiver.receive() }).catch(
          (error: Error) => error.name,
        ),
      );
      await waitAllTasksBlocked();
      sender.close();
      assert.equal(await selecting, "EndOfChannel");
      assert.equal(receiver.statistics().waitingReceivers, 0);
    }),
  ));

test("what a case that loses does while it is taken back finds the channel as it is after the value was taken", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(1);
    sender.trySend(0);
    const log: unknown[] = [];
    await taskGroup(async (group) => {
      group.spawn(() =>
        select({
          send: () => sender.send(1),
          call: () => fromCallback(() => () => void log.push(receiver.tryReceive()?.value)),
        }),
      );
      await waitAllTasksBlocked();
      log.push(await receiver.receive());
    });
    assert.deepEqual(log, [1, 0]);
    assert.equal(receiver.statistics().buffered, 0);
  }));
