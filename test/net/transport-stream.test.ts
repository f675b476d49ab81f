/** What a stream tells its transport, and what it makes of what the transport tells it. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ClosedError, cancelScope, moveOnAfter, shield, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { networked } from "../support/network.ts";
import { connected } from "../support/noting-transport.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import { withPair } from "../support/streams.ts";

const HIGH_WATER_BYTES = 256 * 1024;
const LOW_WATER_BYTES = 64 * 1024;

test("reading is paused at the high mark and resumed below the low one, once each", () =>
  networked(async () => {
    const { stream, transport } = connected();
    const chunk = new Uint8Array(32 * 1024);
    for (let held = chunk.length; held < HIGH_WATER_BYTES; held += chunk.length) stream.dataReceived(chunk);
    assert.deepEqual(transport.calls, []);
    stream.dataReceived(chunk);
    stream.dataReceived(chunk);
    assert.deepEqual(transport.calls, ["pauseReading"]);
    for (let held = HIGH_WATER_BYTES + chunk.length; held > LOW_WATER_BYTES; held -= chunk.length)
      await stream.receive();
    assert.deepEqual(transport.calls, ["pauseReading"]);
    await stream.receive();
    assert.deepEqual(transport.calls, ["pauseReading", "resumeReading"]);
    await stream.receive();
    assert.deepEqual(transport.calls, ["pauseReading", "resumeReading"]);
  }));

test("a peer that sends byte by byte is paused long before its bytes are many, and resumed when most were received", () =>
  networked(async () => {
    const { stream, transport } = connected();
    const chunks = HIGH_WATER_BYTES / 128;
    for (let count = 1; count < chunks; count++) stream.dataReceived(Uint8Array.of(count));
    assert.deepEqual(transport.calls, []);
    stream.dataReceived(Uint8Array.of(0));
    assert.deepEqual(transport.calls, ["pauseReading"]);
    for (let count = chunks; count > LOW_WATER_BYTES / 128; count--) await stream.receive();
    assert.deepEqual(transport.calls, ["pauseReading"]);
    await stream.receive();
    assert.deepEqual(transport.calls, ["pauseReading", "resumeReading"]);
  }));

test("a chunk that is taken in parts counts as what is left of it", () =>
  networked(async () => {
    const { stream, transport } = connected();
    stream.dataReceived(new Uint8Array(HIGH_WATER_BYTES));
    for (let left = HIGH_WATER_BYTES; left > LOW_WATER_BYTES; left -= 64) await stream.receive(64);
    assert.deepEqual(transport.calls, ["pauseReading"]);
    await stream.receive(1);
    assert.deepEqual(transport.calls, ["pauseReading", "resumeReading"]);
    for (let left = LOW_WATER_BYTES - 1; left > 0; left -= 63) await stream.receive(63);
    stream.dataReceived(new Uint8Array(HIGH_WATER_BYTES - 1));
    assert.equal(transport.calls.length, 2);
    stream.dataReceived(new Uint8Array(1));
    assert.equal(transport.calls.length, 3);
  }));

test("a chunk that a waiting receiver takes counts for nothing", () =>
  networked(async () => {
    const { stream, transport } = connected();
    for (let round = 0; round < 3; round++) {
      const receiving = stream.receive();
      stream.dataReceived(new Uint8Array(HIGH_WATER_BYTES));
      assert.equal((await receiving)?.length, HIGH_WATER_BYTES);
    }
    assert.deepEqual(transport.calls, []);
  }));

test("a receiver that asked for a part of a large chunk leaves the rest to the high mark", () =>
  networked(async () => {
    const { stream, transport } = connected();
    const receiving = stream.receive(1);
    stream.dataReceived(new Uint8Array(2 * HIGH_WATER_BYTES));
    assert.equal((await receiving)?.length, 1);
    stream.dataReceived(new Uint8Array(1));
    assert.deepEqual(transport.calls, ["pauseReading"]);
  }));

test("a send while the transport is full is written when it has room, whole", () =>
  networked(async () => {
    const { stream, transport } = connected();
    stream.pauseWriting();
    const sending = stream.send(new Uint8Array(7));
    assert.deepEqual(transport.calls, []);
    stream.resumeWriting();
    assert.deepEqual(transport.calls, ["write 7"]);
    await sending;
  }));

test("room that comes after the sender was cancelled finds nobody", () =>
  networked(async () => {
    const { stream, transport } = connected();
    stream.pauseWriting();
    await cancelScope(async (scope) => {
      const sending = cancellation(stream.send(new Uint8Array(7)));
      scope.cancel();
      stream.resumeWriting();
      await sending;
    });
    assert.deepEqual(transport.calls, []);
    await stream.send(new Uint8Array(1));
    assert.deepEqual(transport.calls, ["write 1"]);
  }));

test("a sender that got its room keeps it when it is cancelled in the same turn", () =>
  networked(async () => {
    const { stream, transport } = connected();
    stream.pauseWriting();
    const done = await cancelScope(async (scope) => {
      const sending = stream.send(new Uint8Array(7));
      stream.resumeWriting();
      scope.cancel();
      await sending;
      return "sent";
    });
    assert.equal(done, "sent");
    assert.deepEqual(transport.calls, ["write 7"]);
  }));

test("a receiver that got its bytes keeps them when it is cancelled in the same turn", () =>
  networked(async () => {
    const { stream } = connected();
    const got = await cancelScope(async (scope) => {
      const receiving = stream.receive();
      stream.dataReceived(Uint8Array.of(1, 2, 3));
      scope.cancel();
      return await receiving;
    });
    assert.deepEqual(got, Uint8Array.of(1, 2, 3));
  }));

test("what had arrived is delivered before a lost connection is reported", () =>
  networked(async () => {
    const { stream } = connected();
    stream.dataReceived(Uint8Array.of(1));
    stream.connectionLost(new Error("the cable was cut"));
    assert.deepEqual(await stream.receive(), Uint8Array.of(1));
    const error = await rejection(stream.receive());
    assert.ok(error instanceof BrokenError);
    assert.equal(error.message, "receive from there:2: the connection was lost (the cable was cut)");
  }));

test("end-of-file stays end-of-file when the connection is lost after it", () =>
  networked(async () => {
    const { stream } = connected();
    stream.eofReceived();
    stream.connectionLost(new Error("reset"));
    assert.equal(await stream.receive(), undefined);
    assert.ok((await rejection(stream.send(new Uint8Array(1)))) instanceof BrokenError);
  }));

test("an orderly loss without end-of-file reads as end-of-file, and as broken to a sender", () =>
  networked(async () => {
    const { stream } = connected();
    const receiving = stream.receive();
    stream.connectionLost(undefined);
    assert.equal(await receiving, undefined);
    assert.equal(await stream.receive(), undefined);
    const error = await rejection(stream.send(new Uint8Array(1)));
    assert.ok(error instanceof BrokenError);
    assert.match(error.message, /the peer closed it/);
  }));

test("close drops what nobody received, reads on for the peer's end, and waits until the transport is gone", () =>
  networked(async () => {
    const { stream, transport } = connected();
    stream.dataReceived(new Uint8Array(HIGH_WATER_BYTES));
    await taskGroup(async (group) => {
      const closing = group.spawn(() => stream.close());
      await waitAllTasksBlocked();
      assert.deepEqual(transport.calls, ["pauseReading", "resumeReading", "close"]);
      assert.equal(closing.done, false);
      stream.dataReceived(new Uint8Array(HIGH_WATER_BYTES));
      stream.connectionLost(undefined);
      await closing;
    });
    assert.deepEqual(transport.calls, ["pauseReading", "resumeReading", "close"]);
  }));

test("all who close the same stream wait for its end, and one that loses patience aborts for all", () =>
  networked(async () => {
    const { stream, transport } = connected();
    await taskGroup(async (group) => {
      const patient = group.spawn(() => stream.close());
      const impatient = group.spawn(() => moveOnAfter(10, () => stream.close()));
      await impatient;
      assert.equal(transport.calls.at(-1), "abort");
      assert.equal(patient.done, false);
      stream.connectionLost(undefined);
      await patient;
    });
  }));

test("a shielded close flushes though the task is cancelled", () =>
  networked(() =>
    withPair(async (client, server) => {
      await cancelScope(async (scope) => {
        scope.cancel();
        await client.send(new Uint8Array(1)).catch(() => {});
        await shield(async () => {
          await client.send(Buffer.from("last words"));
          await client.close();
        });
      });
      assert.equal(String(Buffer.from((await server.receive()) ?? [])), "last words");
      assert.equal(await server.receive(), undefined);
    }),
  ));

test("a sleeping reader holds no more than the marks of both ends, however much is offered", () =>
  networked((network) =>
    withPair(async (client) => {
      await moveOnAfter(1_000, async () => {
        for (;;) await client.send(new Uint8Array(16 * 1024));
      });
      const [near, far] = network.wires;
      assert.ok(near && far);
      assert.ok(far.isReadingPaused);
      assert.ok(far.receivedBytes <= HIGH_WATER_BYTES + 64 * 1024, `${far.receivedBytes} bytes were taken in`);
      assert.ok(near.bufferedBytes <= 128 * 1024, `${near.bufferedBytes} bytes wait to be sent`);
    }),
  ));

test("reading a little lets a little more come", () =>
  networked((network) =>
    withPair(async (client, server) => {
      await taskGroup(async (group) => {
        group.spawn(async () => {
          for (;;) await client.send(new Uint8Array(16 * 1024));
        });
        await sleep(1);
        const [, far] = network.wires;
        assert.ok(far);
        for (let round = 0; round < 50; round++) {
          let taken = 0;
          while (taken < HIGH_WATER_BYTES) taken += (await server.receive())?.length ?? 0;
          await waitAllTasksBlocked();
        }
        assert.ok(far.receivedBytes >= 50 * HIGH_WATER_BYTES);
        assert.ok(far.receivedBytes <= 52 * HIGH_WATER_BYTES);
        group.cancelAll();
      });
    }),
  ));

test("a connection that is lost while several closers wait wakes them all", () =>
  networked(async () => {
    const { stream } = connected();
    await taskGroup(async (group) => {
      for (let index = 0; index < 3; index++) group.spawn(() => stream.close());
      await waitAllTasksBlocked();
      stream.connectionLost(new Error("reset"));
    });
    await stream.close();
  }));

test("a stream that is closed ignores what still comes", () =>
  networked(async () => {
    const { stream } = connected();
    stream.abort();
    stream.dataReceived(Uint8Array.of(1));
    stream.eofReceived();
    assert.ok((await rejection(stream.receive())) instanceof ClosedError);
    stream.connectionLost(undefined);
    assert.ok((await rejection(stream.receive())) instanceof ClosedError);
  }));
