/** Datagrams when things go wrong, on real sockets and both loops. */
import assert from "node:assert/strict";
import test from "node:test";
import { ClosedError, cancelScope, currentLoop, moveOnAfter, withTimeout } from "coppice";
import { NodeLoop, SelectorLoop } from "coppice/loop";
import { DatagramError, type DatagramSocket, DatagramTooLargeError, openUdp } from "coppice/net";
import { harmless } from "../support/faults-guard.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import { assertTimedOut, bytesOf, textOf } from "./streams-at-work.ts";

const MOMENT_MS = 10;

async function withSockets(body: (one: DatagramSocket, other: DatagramSocket) => Promise<void>): Promise<void> {
  await using one = await openUdp({ host: "127.0.0.1", port: 0 });
  await using other = await openUdp({ host: "127.0.0.1", port: 0 });
  await body(one, other);
  // Whatever was done to it, it goes on.
  await other.send(bytesOf("after"), one.localAddress);
  for (;;) if (textOf((await one.receive()).bytes) === "after") break;
}

const rows: Readonly<Record<string, (one: DatagramSocket, other: DatagramSocket) => Promise<void>>> = {
  "one that is too large is refused by name, and the next one is sent": async (one, other) => {
    const error = await rejection(other.send(new Uint8Array(65_508), one.localAddress));
    assert.ok(error instanceof DatagramTooLargeError);
    assert.equal(error.code, "DATAGRAM_TOO_LARGE");
    assert.equal(error.maxBytes, 65_507);
    assert.match(error.message, /can have 65507 bytes, and this one has 65508/);
    await other.send(new Uint8Array(65_507), one.localAddress);
    assert.equal((await one.receive()).bytes.length, 65_507);
  },
  "a receive that is cancelled loses nothing, also in the tick of the arrival": async (one, other) => {
    for (let turns = 0; turns < 10; turns++) {
      const got = await cancelScope(async (scope) => {
        const receiving = one.receive();
        await other.send(bytesOf(String(turns)), one.localAddress);
        for (let turn = 0; turn < turns; turn++) await currentLoop().breathe();
        scope.cancel();
        return await receiving;
      });
      assert.equal(textOf((got ?? (await one.receive())).bytes), String(turns));
    }
  },
  "nobody who answers is bounded by a timeout": async (one) => {
    assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => one.receive())), MOMENT_MS);
  },
  "nobody at the peer's port is told to a connected socket, by name, and it goes on": async (one, other) => {
    await using lonely = await openUdp({ remote: { host: "127.0.0.1", port: 1 } });
    await lonely.send(bytesOf("anybody?"));
    const error = await rejection(lonely.receive());
    assert.ok(error instanceof DatagramError, String(error));
    assert.equal(error.systemCode, "ECONNREFUSED");
    assert.match(error.message, /127\.0\.0\.1:1: nothing listens there/);
    await using talker = await openUdp({ remote: one.localAddress });
    await talker.send(bytesOf("x"));
    assert.equal(textOf((await one.receive()).bytes), "x");
    await other.send(bytesOf("y"), one.localAddress);
  },
  "a flood that nobody receives is dropped beyond the bound, and counted": async (_one, other) => {
    await using small = await openUdp({ host: "127.0.0.1", port: 0, maxBufferedBytes: 2_000 });
    for (let count = 0; count < 200; count++) await other.send(new Uint8Array(500), small.localAddress);
    await withTimeout(5_000, async () => {
      while (small.droppedCount === 0) await currentLoop().breathe();
    });
    assert.equal((await small.receive()).bytes.length, 500);
  },
  "closing wakes all who wait, whoever closes": async (_one, other) => {
    const socket = await openUdp({ host: "127.0.0.1", port: 0 });
    const waiting = [rejection(socket.receive()), rejection(socket.receive())];
    const loop = currentLoop();
    loop.callAt(loop.time() + 1, () => socket.abort());
    for (const error of await Promise.all(waiting)) {
      assert.ok(error instanceof ClosedError);
      assert.match(error.message, /a datagram socket that this side has closed/);
    }
    await socket.close();
    assert.ok((await rejection(socket.send(bytesOf("x"), other.localAddress))) instanceof ClosedError);
  },
  "a close in a scope that is cancelled closes": async () => {
    const socket = await openUdp({ host: "127.0.0.1", port: 0 });
    await cancelScope(async (scope) => {
      scope.cancel();
      await cancellation(socket.close());
    });
    assert.ok((await rejection(socket.receive())) instanceof ClosedError);
    await moveOnAfter(1_000, () => socket.close());
  },
};

const loops = {
  NodeLoop: () => ({ loop: new NodeLoop(), end: () => {} }),
  SelectorLoop: () => {
    const loop = new SelectorLoop();
    return { loop, end: () => loop.close() };
  },
};

for (const [loopName, onLoop] of Object.entries(loops)) {
  for (const [name, body] of Object.entries(rows)) {
    test(`${loopName}, datagrams: ${name}`, () => harmless(() => withSockets(body), onLoop()));
  }
}
