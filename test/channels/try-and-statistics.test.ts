import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ClosedError, channel, EndOfChannel, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("trySend sends if there is room, and says so; it works outside of every run", () => {
  const [sender, receiver] = channel<number>(2);
  assert.equal(sender.trySend(1), true);
  assert.equal(sender.trySend(2), true);
  assert.equal(sender.trySend(3), false);
  assert.deepEqual(receiver.tryReceive(), { value: 1 });
  assert.deepEqual(receiver.tryReceive(), { value: 2 });
  assert.equal(receiver.tryReceive(), undefined);
});

test("undefined is told from nothing", () => {
  const [sender, receiver] = channel<undefined>(1);
  assert.equal(receiver.tryReceive(), undefined);
  sender.trySend(undefined);
  assert.deepEqual(receiver.tryReceive(), { value: undefined });
});

test("on a rendezvous channel they succeed where the other side waits", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      assert.equal(sender.trySend(1), false);
      assert.equal(receiver.tryReceive(), undefined);
      const receiving = group.spawn(() => receiver.receive());
      await waitAllTasksBlocked();
      assert.equal(sender.trySend(2), true);
      assert.equal(sender.trySend(3), false, "its receiver was served");
      assert.equal(await receiving, 2);
      const sending = group.spawn(() => sender.send(4));
      await waitAllTasksBlocked();
      assert.deepEqual(receiver.tryReceive(), { value: 4 });
      assert.equal(receiver.tryReceive(), undefined);
      await sending;
    }),
  ));

test("they overtake nobody who waits", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(1);
      await sender.send(1);
      group.spawn(() => sender.send(2));
      await waitAllTasksBlocked();
      assert.equal(sender.trySend(3), false);
      assert.deepEqual(receiver.tryReceive(), { value: 1 });
      assert.equal(sender.trySend(3), false, "the one who waited has the room");
      assert.deepEqual(receiver.tryReceive(), { value: 2 });
    }),
  ));

test("they throw what send and receive throw", () => {
  const [sender, receiver] = channel<number>(1);
  const other = sender.clone();
  sender.trySend(1);
  sender.close();
  assert.throws(() => sender.trySend(2), ClosedError);
  assert.deepEqual(receiver.tryReceive(), { value: 1 });
  assert.equal(receiver.tryReceive(), undefined);
  other.close();
  assert.throws(() => receiver.tryReceive(), EndOfChannel);
  receiver.close();
  assert.throws(() => receiver.tryReceive(), ClosedError);

  const [lonely, gone] = channel<number>(1);
  gone.close();
  assert.throws(() => lonely.trySend(1), BrokenError);
});

test("statistics tell what is buffered, who waits and what is open, from either half", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(1);
      const nothing = { buffered: 0, capacity: 1, waitingSenders: 0, waitingReceivers: 0 };
      assert.deepEqual(sender.statistics(), { ...nothing, openSenders: 1, openReceivers: 1 });
      const twin = sender.clone();
      const other = receiver.clone();
      const open = { openSenders: 2, openReceivers: 2 };
      group.spawn(() => receiver.receive());
      const cut = group.spawn(() => other.receive());
      await waitAllTasksBlocked();
      assert.deepEqual(receiver.statistics(), { ...nothing, ...open, waitingReceivers: 2 });
      cut.cancel();
      assert.deepEqual(receiver.statistics(), { ...nothing, ...open, waitingReceivers: 1 });
      await sender.send(1);
      await sender.send(2);
      group.spawn(() => sender.send(3));
      await waitAllTasksBlocked();
      assert.deepEqual(sender.statistics(), { ...nothing, ...open, buffered: 1, waitingSenders: 1 });
      await receiver.receive();
      await receiver.receive();
      twin.close();
      other.close();
      assert.deepEqual(sender.statistics(), receiver.statistics());
      assert.deepEqual(sender.statistics(), { ...nothing, openSenders: 1, openReceivers: 1 });
    }),
  ));

test("a sender that is aborted lets the receivers have what was sent, and then fail with its reason", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(2);
      const twin = sender.clone();
      const reason = new Error("disk");
      await sender.send(1);
      sender.abort(reason);
      sender.abort(new Error("later"));
      assert.ok((await rejection(sender.send(2))) instanceof ClosedError);
      await twin.send(3);
      assert.equal(await receiver.receive(), 1);
      assert.equal(await receiver.receive(), 3);
      const receiving = group.spawn(() => rejection(receiver.receive()));
      await waitAllTasksBlocked();
      twin.close();
      for (const error of [await receiving, await rejection(receiver.receive())]) {
        assert.ok(error instanceof BrokenError);
        assert.equal(error.cause, reason);
      }
      assert.throws(() => receiver.tryReceive(), BrokenError);
      await assert.rejects(Array.fromAsync(receiver), BrokenError);
    }),
  ));

test("a sender that was closed in order is not aborted any more", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(0);
    sender.close();
    sender.abort(new Error("too late"));
    assert.deepEqual(await Array.fromAsync(receiver), []);
  }));
