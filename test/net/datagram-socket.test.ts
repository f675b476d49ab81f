/** What a datagram socket makes of the callbacks of its transport. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ClosedError, cancelScope } from "coppice";
import { DatagramError, DatagramTooLargeError } from "coppice/net";
import { datagramSocket } from "../support/noting-datagrams.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

const peer = { host: "192.0.2.1", port: 7 };
const other = { host: "192.0.2.2", port: 8 };

function systemError(code: string, fields: object = {}): Error {
  return Object.assign(new Error(`the system says ${code}`), { code, ...fields });
}

/** What `act` throws. */
function thrown(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return assert.fail("expected it to throw");
}

test("datagrams are received one by one, each whole, with its sender, the empty ones too", () =>
  virtually(async () => {
    const { socket } = datagramSocket();
    socket.datagramReceived(Uint8Array.of(1, 2), peer);
    socket.datagramReceived(new Uint8Array(0), other);
    socket.datagramReceived(Uint8Array.of(3), peer);
    assert.deepEqual(await socket.receive(), { bytes: Uint8Array.of(1, 2), from: peer });
    assert.deepEqual(await socket.receive(), { bytes: new Uint8Array(0), from: other });
    assert.deepEqual(await socket.receive(), { bytes: Uint8Array.of(3), from: peer });
  }));

test("those who wait to receive get one datagram each, in the order of their waiting", () =>
  virtually(async () => {
    const { socket } = datagramSocket();
    const waiting = [socket.receive(), socket.receive()];
    socket.datagramReceived(Uint8Array.of(1), peer);
    socket.datagramReceived(Uint8Array.of(2), peer);
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ bytes }) => bytes[0]),
      [1, 2],
    );
  }));

test("what comes when the buffer is full is dropped and counted, and what waits stays in order", () =>
  virtually(async () => {
    const { socket } = datagramSocket({ maxBufferedBytes: 2 * (128 + 10) });
    for (let index = 0; index < 5; index++) socket.datagramReceived(new Uint8Array(10).fill(index), peer);
    assert.equal(socket.droppedCount, 3);
    assert.equal((await socket.receive()).bytes[0], 0);
    socket.datagramReceived(new Uint8Array(10).fill(9), peer);
    assert.equal((await socket.receive()).bytes[0], 1);
    assert.equal((await socket.receive()).bytes[0], 9);
    assert.equal(socket.droppedCount, 3);
  }));

test("empty datagrams are limited as well, and one is always taken", () =>
  virtually(async () => {
    const { socket } = datagramSocket({ maxBufferedBytes: 1 });
    socket.datagramReceived(new Uint8Array(5_000), peer);
    for (let index = 0; index < 10; index++) socket.datagramReceived(new Uint8Array(0), peer);
    assert.equal(socket.droppedCount, 10);
    assert.equal((await socket.receive()).bytes.length, 5_000);
  }));

test("a socket sends to the address that it is told; a connected one to its peer", () =>
  virtually(async () => {
    const { socket, transport } = datagramSocket();
    await socket.send(new Uint8Array(3), peer);
    await socket.send(new Uint8Array(0), other);
    assert.deepEqual(transport.calls, ["send 3 to 192.0.2.1:7", "send 0 to 192.0.2.2:8"]);
    const connected = datagramSocket({ remote: peer });
    await connected.socket.send(new Uint8Array(4));
    assert.deepEqual(connected.transport.calls, ["send 4"]);
  }));

test("a connected socket that is told where to send, and one that is not told, throw TypeErrors", () =>
  virtually(async () => {
    const error = await rejection(datagramSocket({ remote: peer }).socket.send(new Uint8Array(1), other));
    assert.ok(error instanceof TypeError);
    assert.equal(error.message, "send: this socket is connected to 192.0.2.1:7 and sends nowhere else");
    assert.ok((await rejection(datagramSocket().socket.send(new Uint8Array(1)))) instanceof TypeError);
    const badPort = datagramSocket().socket.send(new Uint8Array(1), { host: "192.0.2.1", port: -1 });
    assert.ok((await rejection(badPort)) instanceof RangeError);
  }));

for (const [family, localHost, maxBytes] of [
  ["IPv4", "127.0.0.1", 65_507],
  ["IPv6", "::1", 65_527],
] as const) {
  test(`${family}: a datagram of ${maxBytes} bytes is sent, one of a byte more is an error that names the limit`, () =>
    virtually(async () => {
      const { socket, transport } = datagramSocket({ localHost, remote: peer });
      await socket.send(new Uint8Array(maxBytes));
      const error = await rejection(socket.send(new Uint8Array(maxBytes + 1)));
      assert.ok(error instanceof DatagramTooLargeError);
      assert.ok(error instanceof DatagramError);
      assert.equal(error.maxBytes, maxBytes);
      assert.equal(error.code, "DATAGRAM_TOO_LARGE");
      assert.equal(
        error.message,
        `send: a datagram can have ${maxBytes} bytes, and this one has ${maxBytes + 1}: send it in parts, or over TCP`,
      );
      assert.deepEqual(transport.calls, [`send ${maxBytes}`]);
    }));
}

test("senders wait while the transport is full, go on in order, and wait again when it is full again", () =>
  virtually(async () => {
    const { socket, transport } = datagramSocket({ remote: peer });
    const sendTo = transport.sendTo.bind(transport);
    transport.sendTo = (bytes) => {
      sendTo(bytes);
      if (bytes.length === 2) socket.pauseWriting();
    };
    socket.pauseWriting();
    const sending = [1, 2, 3].map((length) => socket.send(new Uint8Array(length)));
    assert.deepEqual(transport.calls, []);
    socket.resumeWriting();
    await Promise.all(sending.slice(0, 2));
    assert.deepEqual(transport.calls, ["send 1", "send 2"]);
    socket.resumeWriting();
    await sending[2];
    assert.deepEqual(transport.calls, ["send 1", "send 2", "send 3"]);
  }));

test("connected: an error goes to a receiver that waits, once, and the socket goes on", () =>
  virtually(async () => {
    const { socket } = datagramSocket({ remote: peer });
    const receiving = rejection(socket.receive());
    const refused = systemError("ECONNREFUSED");
    socket.errorReceived(refused);
    const error = await receiving;
    assert.ok(error instanceof DatagramError);
    assert.equal(error.message, "datagrams to 192.0.2.1:7: nothing listens there (ECONNREFUSED)");
    assert.equal(error.systemCode, "ECONNREFUSED");
    assert.equal(error.code, "DATAGRAM");
    assert.equal(error.cause, refused);
    socket.datagramReceived(Uint8Array.of(1), peer);
    assert.equal((await socket.receive()).bytes[0], 1);
  }));

test("connected: an error that nobody waits for goes to the next receive, after what had come, or to the next send, which sends nothing", () =>
  virtually(async () => {
    const { socket, transport } = datagramSocket({ remote: peer });
    socket.errorReceived(systemError("ECONNREFUSED"));
    socket.datagramReceived(Uint8Array.of(1), peer);
    assert.equal((await socket.receive()).bytes[0], 1);
    assert.ok((await rejection(socket.receive())) instanceof DatagramError);
    socket.errorReceived(systemError("EHOSTUNREACH"));
    const error = await rejection(socket.send(new Uint8Array(1)));
    assert.equal((error as DatagramError).systemCode, "EHOSTUNREACH");
    assert.deepEqual(transport.calls, []);
    await socket.send(new Uint8Array(1));
    assert.deepEqual(transport.calls, ["send 1"]);
  }));

test("not connected: an error goes to the next send and names its peer; receiving knows nothing of it", () =>
  virtually(async () => {
    const { socket } = datagramSocket();
    const receiving = socket.receive();
    socket.errorReceived(systemError("ENETUNREACH", { address: "192.0.2.2", port: 8 }));
    socket.datagramReceived(Uint8Array.of(1), peer);
    assert.equal((await receiving).bytes[0], 1);
    const error = await rejection(socket.send(new Uint8Array(1), peer));
    assert.equal((error as Error).message, "datagram to 192.0.2.2:8: there is no way to that network (ENETUNREACH)");
    await socket.send(new Uint8Array(1), peer);
  }));

test("a datagram that the network found too large is a DatagramTooLargeError without a limit", () =>
  virtually(async () => {
    const { socket } = datagramSocket({ remote: peer });
    socket.errorReceived(systemError("EMSGSIZE"));
    const error = await rejection(socket.receive());
    assert.ok(error instanceof DatagramTooLargeError);
    assert.equal(error.maxBytes, undefined);
    assert.equal(error.systemCode, "EMSGSIZE");
  }));

test("closing wakes receivers and senders with ClosedError, drops what waits, and ends when the endpoint is gone", () =>
  virtually(async () => {
    const { socket, transport } = datagramSocket({ remote: peer });
    const receiving = rejection(socket.receive());
    socket.pauseWriting();
    const sending = rejection(socket.send(new Uint8Array(1)));
    const closing = socket.close();
    assert.ok((await receiving) instanceof ClosedError);
    assert.ok((await sending) instanceof ClosedError);
    assert.deepEqual(transport.calls, ["close"]);
    socket.connectionLost(undefined);
    await closing;
    await socket.close();
    await socket[Symbol.asyncDispose]();
    for (const act of [() => socket.receive(), () => socket.send(new Uint8Array(1))]) {
      assert.ok((await rejection(act())) instanceof ClosedError);
    }
    assert.ok(thrown(() => socket.joinGroup("239.1.2.3")) instanceof ClosedError);
  }));

test("a close that is cancelled, before or during, aborts the endpoint", () =>
  virtually(async () => {
    for (const isBefore of [true, false]) {
      const { socket, transport } = datagramSocket();
      await cancelScope(async (scope) => {
        if (isBefore) scope.cancel();
        const closing = assertCancelledBy(scope, socket.close());
        scope.cancel();
        await closing;
      });
      assert.deepEqual(transport.calls, ["close", "abort"]);
    }
  }));

test("an endpoint that is lost gives what had come, then BrokenError", () =>
  virtually(async () => {
    const { socket } = datagramSocket({ remote: peer });
    socket.datagramReceived(Uint8Array.of(1), peer);
    socket.pauseWriting();
    const sending = rejection(socket.send(new Uint8Array(1)));
    socket.connectionLost(systemError("EIO"));
    assert.ok((await sending) instanceof BrokenError);
    assert.equal((await socket.receive()).bytes[0], 1);
    const error = await rejection(socket.receive());
    assert.ok(error instanceof BrokenError);
    assert.equal(error.message, "receive from 127.0.0.1:1: the endpoint was lost (the system says EIO)");
    assert.ok((await rejection(socket.send(new Uint8Array(1)))) instanceof BrokenError);
  }));

test("iterating gives each datagram and ends when the socket is closed; leaving it closes nothing", () =>
  virtually(async () => {
    const { socket } = datagramSocket();
    socket.datagramReceived(Uint8Array.of(1), peer);
    for await (const { bytes } of socket) {
      assert.equal(bytes[0], 1);
      break;
    }
    const seen: unknown[] = [];
    const iterating = (async () => {
      for await (const { bytes } of socket) seen.push(bytes[0]);
    })();
    socket.datagramReceived(Uint8Array.of(2), peer);
    socket.datagramReceived(Uint8Array.of(3), peer);
    await Promise.resolve();
    const closing = socket.close();
    socket.connectionLost(undefined);
    await Promise.all([closing, iterating]);
    assert.deepEqual(seen, [2]);
  }));

test("a next of an iteration that is abandoned and cancelled raises nothing", async () => {
  const reasons = await unhandledDuring(() =>
    virtually(() =>
      cancelScope((scope) => {
        void datagramSocket().socket[Symbol.asyncIterator]().next();
        scope.cancel();
      }),
    ),
  );
  assert.deepEqual(reasons, []);
});

test("groups are joined and left, and the system's refusal is a DatagramError that says what was asked", () =>
  virtually(() => {
    const { socket, transport } = datagramSocket();
    socket.joinGroup("239.1.2.3", "127.0.0.1");
    socket.setMulticast({ ttl: 2, loopback: false });
    socket.leaveGroup("239.1.2.3");
    assert.deepEqual(transport.calls, [
      "join 239.1.2.3 127.0.0.1",
      'multicast {"ttl":2,"loopback":false}',
      "leave 239.1.2.3 undefined",
    ]);
    transport.groupError = systemError("ENODEV");
    const error = thrown(() => socket.joinGroup("239.1.2.3"));
    assert.ok(error instanceof DatagramError);
    assert.equal(error.message, "join 239.1.2.3: there is no network interface for that (ENODEV)");
  }));
