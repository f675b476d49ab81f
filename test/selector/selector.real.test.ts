/** The selector: what is ready, who is told, and what happens to those who leave in between. */
import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import test from "node:test";
import {
  ClosedError,
  EVENT_READ,
  EVENT_WRITE,
  InvalidStateError,
  type Ready,
  Selector,
  type Socket,
  socketPair,
} from "coppice/selector";
import { counted } from "./counted.ts";

const BOTH = EVENT_READ | EVENT_WRITE;

/** Runs `fn` with a selector and a way to make connected pairs, all of which are closed at the end. */
function selecting(fn: (selector: Selector<string>, pair: () => [Socket, Socket]) => void): void {
  counted(() => {
    const opened: Socket[] = [];
    using selector = new Selector<string>();
    try {
      fn(selector, () => {
        const pair = socketPair();
        opened.push(...pair);
        return pair;
      });
    } finally {
      for (const socket of opened) socket.close();
    }
  });
}

function found(ready: Iterable<Ready<string>>): Record<string, number> {
  return Object.fromEntries([...ready].map(({ key, events }) => [key.data, events]));
}

const ONE = new Uint8Array(1);

test("what is ready is told, one entry a key, with its events and its data", () =>
  selecting((selector, pair) => {
    const [a, b] = pair();
    const [c] = pair();
    selector.register(a, BOTH, "a");
    selector.register(b, EVENT_READ, "b");
    selector.register(c, EVENT_READ, "c");
    assert.equal(selector.size, 3);
    assert.deepEqual(found(selector.select(0)), { a: EVENT_WRITE });
    b.send(ONE);
    a.send(ONE);
    assert.deepEqual(found(selector.select()), { a: BOTH, b: EVENT_READ });
  }));

test("what was not read is told again", () =>
  selecting((selector, pair) => {
    const [a, b] = pair();
    selector.register(a, EVENT_READ, "a");
    b.send(new Uint8Array(2));
    for (let count = 0; count < 2; count++) {
      assert.deepEqual(found(selector.select(0)), { a: EVENT_READ });
      a.recv(1);
    }
    assert.equal(selector.select(0).size, 0);
  }));

test("modify changes the events and, if asked, the data", () =>
  selecting((selector, pair) => {
    const [a] = pair();
    const key = selector.register(a, EVENT_READ, "reading");
    assert.equal(selector.select(0).size, 0);
    assert.equal(selector.modify(a, EVENT_WRITE), key);
    assert.deepEqual(found(selector.select(0)), { reading: EVENT_WRITE });
    selector.modify(a, EVENT_WRITE, "writing");
    assert.deepEqual(found(selector.select(0)), { writing: EVENT_WRITE });
    assert.deepEqual([key.target, key.fd, key.events, key.data], [a, a.fd, EVENT_WRITE, "writing"]);
    assert.equal(selector.getKey(a), key);
    assert.equal(selector.getKey(a.fd), key);
  }));

test("unregistered, nothing is told, and it may be registered again", () =>
  selecting((selector, pair) => {
    const [a] = pair();
    const key = selector.register(a, EVENT_WRITE, "a");
    assert.equal(selector.unregister(a), key);
    assert.deepEqual([key.isRegistered, selector.size, selector.getKey(a)], [false, 0, undefined]);
    assert.equal(selector.select(0).size, 0);
    selector.register(a, EVENT_WRITE, "again");
    assert.deepEqual(found(selector.select(0)), { again: EVENT_WRITE });
  }));

test("registered twice, or not at all, is an error that says so", () =>
  selecting((selector, pair) => {
    const [a, b] = pair();
    selector.register(a, EVENT_READ, "a");
    const already = { name: "InvalidStateError", message: /registered already; modify\(\)/ };
    assert.throws(() => selector.register(a, EVENT_READ, "a"), already);
    assert.throws(() => selector.register(a.fd, EVENT_WRITE, "a"), already);
    const unknown = { name: "InvalidStateError", message: new RegExp(`descriptor ${b.fd} is not registered`) };
    assert.throws(() => selector.modify(b, EVENT_READ), unknown);
    assert.throws(() => selector.unregister(b), unknown);
  }));

test("closing a registered socket ends its registration, in every selector", () =>
  selecting((selector, pair) => {
    using other = new Selector();
    const [a] = pair();
    const keys = [selector.register(a, EVENT_WRITE, "a"), other.register(a, EVENT_WRITE, undefined)];
    a.close();
    assert.deepEqual([keys.map((key) => key.isRegistered), selector.size, other.size], [[false, false], 0, 0]);
    assert.equal(selector.select(0).size, 0);
    assert.throws(() => selector.register(a, EVENT_READ, "a"), ClosedError);
  }));

test("those closed or unregistered by an earlier callback of the batch are skipped", () =>
  selecting((selector, pair) => {
    for (const close of [true, false]) {
      const sockets = Array.from({ length: 4 }, () => pair()[0]);
      for (const [index, socket] of sockets.entries()) selector.register(socket, EVENT_WRITE, String(index));
      let calls = 0;
      for (const { key } of selector.select()) {
        calls++;
        for (const socket of sockets) {
          if (socket === key.target) continue;
          if (close) socket.close();
          else selector.unregister(socket);
        }
      }
      assert.equal(calls, 1);
      for (const socket of sockets) socket.close();
    }
  }));

test("an event for a closed descriptor never reaches the new owner of its number", () =>
  selecting((selector, pair) => {
    const [first] = pair();
    const [second] = pair();
    selector.register(first, EVENT_WRITE, "first");
    selector.register(second, EVENT_WRITE, "second");
    const told: string[] = [];
    for (const { key } of selector.select()) {
      told.push(key.data);
      const other = key.target === first ? second : first;
      const { fd } = other;
      other.close();
      const [heir] = pair();
      assert.equal(heir.fd, fd, "the number was to be used again");
      selector.register(heir, EVENT_WRITE, "heir");
    }
    assert.equal(told.length, 1);
    assert.ok(!told.includes("heir"));
    assert.ok("heir" in found(selector.select()));
  }));

test("events that a key stopped waiting for within the batch are left out", () =>
  selecting((selector, pair) => {
    const [a, b] = pair();
    const [c] = pair();
    selector.register(c, EVENT_WRITE, "c");
    selector.register(a, BOTH, "a");
    b.send(ONE);
    const ready = selector.select();
    assert.equal(ready.size, 2);
    selector.modify(a, EVENT_READ);
    assert.deepEqual(found(ready), { c: EVENT_WRITE, a: EVENT_READ });
  }));

test("a descriptor that was closed behind the selector's back does not stand in the way of its number's new owner", () =>
  selecting((selector, pair) => {
    const [a] = pair();
    const key = selector.register(a.fd, EVENT_WRITE, "bare");
    const { fd } = a;
    a.close();
    assert.equal(selector.select(0).size, 0);
    const [heir] = pair();
    assert.equal(heir.fd, fd);
    selector.register(heir, EVENT_WRITE, "heir");
    assert.deepEqual([key.isRegistered, selector.size, found(selector.select(0))], [false, 1, { heir: EVENT_WRITE }]);
  }));

test("a hang-up is told as readiness, and the call says what it is", () =>
  selecting((selector, pair) => {
    const [a, b] = pair();
    selector.register(a, EVENT_READ, "a");
    b.close();
    assert.deepEqual(found(selector.select()), { a: EVENT_READ });
    assert.equal(a.recv(), undefined);
  }));

test("timed callbacks are called in the order of their times, and end a select", () =>
  selecting((selector, pair) => {
    const log: string[] = [];
    selector.register(pair()[0], EVENT_READ, "silent");
    const start = selector.time();
    selector.callLater(10, () => log.push("second"));
    selector.callAt(start + 5, () => log.push("first"));
    selector.callLater(1, () => log.push("cancelled")).cancel();
    assert.equal(selector.select().size, 0);
    assert.equal(log[0], "first");
    assert.ok(selector.time() >= start + 5);
    while (log.length < 2) assert.equal(selector.select().size, 0);
    assert.deepEqual(log, ["first", "second"]);
    assert.ok(selector.time() >= start + 10);
  }));

test("a timed callback that is due is called though others are ready, and one scheduled by it waits for the next select", () =>
  selecting((selector, pair) => {
    const [a] = pair();
    selector.register(a, EVENT_WRITE, "a");
    const log: string[] = [];
    selector.callLater(0, () => {
      log.push("due");
      selector.callLater(0, () => log.push("next"));
    });
    assert.deepEqual(found(selector.select()), { a: EVENT_WRITE });
    assert.deepEqual(log, ["due"]);
    selector.select();
    assert.deepEqual(log, ["due", "next"]);
  }));

test("a timed callback may unregister what is ready: it is not told", () =>
  selecting((selector, pair) => {
    const [a] = pair();
    selector.register(a, EVENT_WRITE, "a");
    selector.callLater(0, () => {
      selector.unregister(a);
    });
    assert.deepEqual(found(selector.select()), {});
  }));

test("what a timed callback throws comes out of select, and nothing is lost", () =>
  selecting((selector, pair) => {
    const [a] = pair();
    selector.register(a, EVENT_WRITE, "a");
    let calls = 0;
    selector.callLater(0, () => assert.fail("in a callback"));
    selector.callLater(0, () => calls++);
    assert.throws(() => selector.select(), /in a callback/);
    assert.deepEqual([found(selector.select()), calls], [{ a: EVENT_WRITE }, 1]);
  }));

test("a timeout ends the wait, never early", () =>
  selecting((selector, pair) => {
    selector.register(pair()[0], EVENT_READ, "silent");
    for (const timeoutMs of [0.2, 3, 7.5]) {
      const before = selector.time();
      assert.equal(selector.select(timeoutMs).size, 0);
      assert.ok(selector.time() >= before + timeoutMs);
    }
  }));

test("a wait that could never end is refused", () =>
  selecting((selector) => {
    assert.throws(() => selector.select(), { name: "InvalidStateError", message: /it would wait for ever/ });
    selector.callLater(1, () => {}).cancel();
    assert.throws(() => selector.select(), InvalidStateError);
    assert.equal(selector.select(1).size, 0);
  }));

test("hundreds that are ready at once are all told", () =>
  selecting((selector, pair) => {
    const expected = new Set<string>();
    for (let index = 0; index < 400; index++) {
      selector.register(pair()[0], EVENT_WRITE, String(index));
      expected.add(String(index));
    }
    // The system tells some of them at a time, and in turn.
    for (let round = 0; round < 10 && expected.size > 0; round++) {
      for (const { key } of selector.select(0)) expected.delete(key.data);
    }
    assert.equal(expected.size, 0);
  }));

test("closed, it says so; its sockets stay open", () =>
  selecting((selector, pair) => {
    const [a, b] = pair();
    const key = selector.register(a, EVENT_READ, "a");
    selector.close();
    selector.close();
    assert.deepEqual([key.isRegistered, selector.size], [false, 0]);
    for (const use of [
      () => selector.register(b, EVENT_READ, "b"),
      () => selector.modify(a, EVENT_READ),
      () => selector.unregister(a),
      () => selector.select(0),
      () => selector.callLater(1, () => {}),
    ]) {
      assert.throws(use, { name: "ClosedError", message: /selector that was closed/ });
    }
    a.send(ONE);
    assert.equal(b.recv()?.length, 1);
  }));

test("garbage is refused, and the message names it", () =>
  selecting((selector, pair) => {
    const [a] = pair();
    for (const events of [0, 4, 1.5, Number.NaN, "read" as never]) {
      assert.throws(() => selector.register(a, events, ""), {
        name: "RangeError",
        message: new RegExp(`got ${events}`),
      });
    }
    for (const target of [-1, 1.5, Number.NaN, undefined as never, {} as never, "0" as never]) {
      assert.throws(() => selector.register(target, EVENT_READ, ""), {
        name: "TypeError",
        message: /a Socket or a descriptor/,
      });
    }
    assert.throws(() => selector.register(1_000_000, EVENT_READ, ""), { code: "EBADF" });
    const file = openSync(import.meta.filename, "r");
    assert.throws(() => selector.register(file, EVENT_READ, ""), { code: "EPERM", message: /regular file/ });
    closeSync(file);
    for (const timeoutMs of [-1, Number.NaN]) assert.throws(() => selector.select(timeoutMs), RangeError);
    for (const delayMs of [-1, Number.NaN]) assert.throws(() => selector.callLater(delayMs, () => {}), RangeError);
    assert.throws(() => selector.callAt(Number.NaN, () => {}), RangeError);
    assert.throws(() => selector.callAt(0, "later" as never), TypeError);
    assert.equal(selector.size, 0);
  }));
