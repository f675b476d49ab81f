/** Streams for tests: one-way memory streams with hooks, and lockstep. That they keep the contract of streams is checked by the kit. */
import assert from "node:assert/strict";
import test from "node:test";
import { BusyError, ClosedError, cancelScope, Event, run, shield, taskGroup } from "coppice";
import { lockstepOneWayPair, lockstepPair, memoryOneWayPair, waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const textOf = (bytes: Uint8Array | undefined): string | undefined => bytes && String(Buffer.from(bytes));

test("without hooks, a send is received as it was sent", () =>
  virtually(async () => {
    const [sender, receiver] = memoryOneWayPair();
    await sender.send(bytesOf("one"));
    await sender.send(bytesOf("two"));
    await sender.close();
    assert.deepEqual([textOf(await receiver.receive()), textOf(await receiver.receive())], ["one", "two"]);
    assert.equal(await receiver.receive(), undefined);
  }));

test("trickling, bytes come in drops, however many are asked for", () =>
  virtually(async () => {
    const [sender, receiver] = memoryOneWayPair({ trickleBytes: 2 });
    await sender.send(bytesOf("abcde"));
    const drops = [await receiver.receive(), await receiver.receive(100), await receiver.receive(1)];
    assert.deepEqual(drops.map(textOf), ["ab", "cd", "e"]);
    let next = 0;
    const [from, to] = memoryOneWayPair({ trickleBytes: () => ++next });
    await from.send(bytesOf("abcdef"));
    assert.deepEqual(
      [textOf(await to.receive()), textOf(await to.receive()), textOf(await to.receive())],
      ["a", "bc", "def"],
    );
  }));

test("a trickle of less than a byte is refused", () => {
  for (const trickleBytes of [0, -1, 1.5, Number.NaN, Infinity]) {
    assert.throws(() => memoryOneWayPair({ trickleBytes }), {
      name: "RangeError",
      message: `trickleBytes: expected a whole number of at least 1, got ${trickleBytes}`,
    });
  }
});

test("a sender stalls while its hook waits, and the hook sees what is to be sent", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const mayGo = new Event();
      const seen: (string | undefined)[] = [];
      const [sender, receiver] = memoryOneWayPair({
        beforeSend: (bytes) => {
          seen.push(textOf(bytes));
          return mayGo.wait();
        },
      });
      const sending = group.spawn(() => sender.send(bytesOf("late")));
      const receiving = group.spawn(() => receiver.receive());
      await waitAllTasksBlocked();
      assert.deepEqual([seen, sending.done, receiving.done], [["late"], false, false]);
      assert.ok((await rejection(sender.send(bytesOf("x")))) instanceof BusyError);
      mayGo.set();
      await sending;
      assert.equal(textOf(await receiving), "late");
      assert.deepEqual(seen, ["late"]);
    }),
  ));

test("a receiver stalls while its hook waits, and the hook sees how much was asked for", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const mayGo = new Event();
      const seen: (number | undefined)[] = [];
      const [sender, receiver] = memoryOneWayPair({
        beforeReceive: (maxBytes) => {
          seen.push(maxBytes);
          return mayGo.wait();
        },
      });
      await sender.send(bytesOf("here"));
      const receiving = group.spawn(() => receiver.receive(3));
      await waitAllTasksBlocked();
      assert.deepEqual([seen, receiving.done], [[3], false]);
      assert.ok((await rejection(receiver.receive())) instanceof BusyError);
      mayGo.set();
      assert.equal(textOf(await receiving), "her");
      for await (const chunk of receiver) {
        assert.equal(textOf(chunk), "e");
        break;
      }
      assert.deepEqual(seen, [3, undefined]);
    }),
  ));

test("a hook that throws fails the call, which then had no effect", () =>
  virtually(async () => {
    const error = new Error("as if the cable were cut");
    let isCut = true;
    const cut = (): void => {
      if (isCut) throw error;
    };
    const [sender, receiver] = memoryOneWayPair({ beforeSend: cut, beforeReceive: cut });
    assert.equal(await rejection(sender.send(bytesOf("lost"))), error);
    assert.equal(await rejection(receiver.receive()), error);
    isCut = false;
    await sender.send(bytesOf("kept"));
    assert.equal(textOf(await receiver.receive()), "kept");
  }));

test("a hook may be a generator function", () =>
  virtually(async () => {
    const ready = new Event();
    ready.set();
    const [sender, receiver] = memoryOneWayPair({
      *beforeSend() {
        yield* [ready.wait()];
      },
    });
    await sender.send(bytesOf("x"));
    assert.equal(textOf(await receiver.receive()), "x");
  }));

test("closing wakes a call that stalls in its hook, and is told to the hooks once", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const closed: string[] = [];
      const never = new Event();
      const [sender, receiver] = memoryOneWayPair({
        beforeSend: () => never.wait(),
        beforeReceive: () => never.wait(),
        onSenderClosed: () => closed.push("sender"),
        onReceiverClosed: () => closed.push("receiver"),
      });
      const sending = group.spawn(() => rejection(sender.send(bytesOf("x"))));
      const receiving = group.spawn(() => rejection(receiver.receive()));
      await waitAllTasksBlocked();
      receiver.abort();
      assert.ok((await receiving) instanceof ClosedError);
      await sender.close();
      assert.ok((await sending) instanceof ClosedError);
      await sender.close();
      await receiver.close();
      sender.abort();
      assert.deepEqual(closed, ["receiver", "sender"]);
    }),
  ));

test("a call that is cancelled in its hook had no effect; shielded, it goes on", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const mayGo = new Event();
      const [sender, receiver] = memoryOneWayPair({ beforeSend: () => mayGo.wait() });
      const cut = attempt(group, () => sender.send(bytesOf("never")));
      await waitAllTasksBlocked();
      cut.scope.cancel();
      await cut.over;
      assert.equal(cut.outcome, "cancelled");
      const shielded = attempt(group, () => shield(() => sender.send(bytesOf("shielded")).then(() => "sent")));
      await waitAllTasksBlocked();
      shielded.scope.cancel();
      mayGo.set();
      await shielded.over;
      assert.equal(shielded.outcome, "sent");
      assert.equal(textOf(await receiver.receive()), "shielded");
    }),
  ));

test("in lockstep a send returns when all of it was received, and no sooner", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [client, server] = lockstepPair();
      const sending = group.spawn(() => client.send(bytesOf("abc")));
      for (const letter of ["a", "b"]) {
        assert.equal(textOf(await server.receive(1)), letter);
        await waitAllTasksBlocked();
        assert.equal(sending.done, false);
      }
      assert.equal(textOf(await server.receive(1)), "c");
      await sending;
    }),
  ));

test("in lockstep, a send that is cancelled before any of it was received has sent nothing", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = lockstepOneWayPair();
      const cut = attempt(group, () => sender.send(bytesOf("never")));
      await waitAllTasksBlocked();
      cut.scope.cancel();
      await cut.over;
      assert.equal(cut.outcome, "cancelled");
      group.spawn(() => sender.send(bytesOf("x")));
      assert.equal(textOf(await receiver.receive()), "x");
    }),
  ));

test("in lockstep, a send that is cancelled in the middle returns, and the rest is received", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = lockstepOneWayPair();
      const cut = attempt(group, () => sender.send(bytesOf("abc")).then(() => "sent"));
      assert.equal(textOf(await receiver.receive(1)), "a");
      cut.scope.cancel();
      await cut.over;
      assert.deepEqual([cut.outcome, cut.didNextThrow], ["sent", true]);
      const next = group.spawn(() => sender.send(bytesOf("def")));
      assert.equal(textOf(await receiver.receive()), "bc");
      await waitAllTasksBlocked();
      assert.equal(next.done, false);
      assert.equal(textOf(await receiver.receive()), "def");
      await next;
    }),
  ));

test("in lockstep, a send whose last byte is received in the tick of its cancellation has returned", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = lockstepOneWayPair();
      const sending = attempt(group, () => sender.send(bytesOf("x")).then(() => "sent"));
      await waitAllTasksBlocked();
      const receiving = receiver.receive();
      sending.scope.cancel();
      await sending.over;
      assert.deepEqual([sending.outcome, sending.didNextThrow], ["sent", true]);
      assert.equal(textOf(await receiving), "x");
    }),
  ));

test("what waits in lockstep and is abandoned and cancelled raises no unhandled rejection", async () => {
  const unhandled = await unhandledDuring(() =>
    virtually(() =>
      cancelScope(async (scope) => {
        const [client, server] = lockstepPair();
        const [sender, receiver] = memoryOneWayPair({ beforeSend: () => new Event().wait(), beforeReceive: () => {} });
        for (const call of [
          client.send(bytesOf("x")),
          client.receive(),
          sender.send(bytesOf("x")),
          receiver.receive(),
        ]) {
          void call;
        }
        await waitAllTasksBlocked();
        scope.cancel();
        for (const call of [server.receive(), server.send(bytesOf("x")), server.sendEof(), server.close()]) void call;
        await assertCancelledBy(scope, sender.close());
      }),
    ),
  );
  assert.deepEqual(unhandled, []);
});

test("streams for tests work in a real run and outside of every run", async () => {
  const talk = async (): Promise<void> => {
    const [client, server] = lockstepPair();
    const [question] = await Promise.all([server.receive(), client.send(bytesOf("?"))]);
    assert.equal(textOf(question), "?");
    const [sender, receiver] = memoryOneWayPair({ beforeReceive: () => Promise.resolve() });
    await sender.send(bytesOf("!"));
    assert.equal(textOf(await receiver.receive()), "!");
  };
  await run(talk);
  await talk();
});
