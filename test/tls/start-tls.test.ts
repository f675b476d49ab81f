/** startTls: a live transport becomes a TLS transport. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ClosedError, currentLoop, sleep, taskGroup } from "coppice";
import type { TlsTransport } from "coppice/loop";
import { TlsError } from "coppice/net";
import { startTls } from "../../src/protocols/start-tls.ts";
import { rejection } from "../support/rejection.ts";
import { clientOptions, Notes, serverOptions, trusting, withTransports, withUpgraded } from "./transports.ts";

test("plain text before, an exchange that asks for TLS, TLS after", () =>
  withTransports(async (client, server) => {
    client.plain.write(Buffer.from("STARTTLS\n"));
    await sleep(1);
    assert.equal(String(server.before.received), "STARTTLS\n");
    await taskGroup(async (group) => {
      group.spawn(async () => {
        // The answer goes out in plain text, before the handshake.
        server.plain.write(Buffer.from("GO AHEAD\n"));
        const secure = await startTls(server.plain, server.notes, serverOptions);
        secure.write(Buffer.from("welcome"));
      });
      await sleep(1);
      assert.equal(String(client.before.received), "GO AHEAD\n");
      const secure = await startTls(client.plain, client.notes, clientOptions);
      assert.equal(secure.session?.version, "TLSv1.3");
      secure.write(Buffer.from("hello"));
      await sleep(1);
      assert.equal(String(client.notes.received), "welcome");
      assert.equal(String(server.notes.received), "hello");
      secure.close();
    });
    await sleep(1);
    assert.deepEqual(server.notes.calls, ["data", "eof"]);
    assert.deepEqual(server.before.calls, ["made", "data"], "the one before hears nothing any more");
  }));

test("bytes of the handshake that were read with the last plain ones are not lost", () =>
  withTransports(async (client, server) => {
    await taskGroup(async (group) => {
      // The client does not wait for an answer.
      client.plain.write(Buffer.from("STARTTLS\n"));
      const upgrading = group.spawn(() => startTls(client.plain, client.notes, clientOptions));
      await sleep(1);
      const line = server.before.received.indexOf("\n") + 1;
      const received = server.before.received.subarray(line);
      assert.ok(received.length > 100, "the client's first flight came together with the line");
      const secure = await startTls(server.plain, server.notes, { ...serverOptions, received });
      secure.write(Buffer.from("x"));
      await upgrading;
      await sleep(1);
      assert.equal(String(client.notes.received), "x");
    });
  }));

test("plain text that is left over is no TLS, and fails: nothing can be smuggled in", () =>
  withTransports(async (_client, server) => {
    const received = Buffer.from("SECRET COMMAND\n");
    const error = await rejection(startTls(server.plain, server.notes, { ...serverOptions, received }));
    assert.ok(error instanceof TlsError);
    assert.equal(error.reason, "not-tls");
    await sleep(1);
    assert.deepEqual(server.notes.calls, ["lost with an error"]);
  }));

test("the protocol hears bytes only after the upgrade was told", () =>
  withTransports(async (client, server) => {
    await taskGroup(async (group) => {
      group.spawn(async () => {
        const secure = await startTls(server.plain, server.notes, serverOptions);
        secure.write(Buffer.from("at once"));
      });
      let secure: TlsTransport | undefined;
      client.notes.onData = () => assert.ok(secure);
      secure = await startTls(client.plain, client.notes, clientOptions);
      await sleep(1);
      assert.equal(String(client.notes.received), "at once");
    });
  }));

test("the calls are data, end, loss, once each; closing sends close_notify and waits for the peer's", () =>
  withUpgraded(async (client, server) => {
    server.notes.onEof = () => server.secure.close();
    client.secure.write(Buffer.from("one"));
    client.secure.write(Buffer.from("two"));
    client.secure.close();
    client.secure.close();
    client.secure.write(Buffer.from("too late"));
    const before = currentLoop().time();
    await sleep(1);
    assert.equal(String(server.notes.received), "onetwo");
    assert.deepEqual(server.notes.calls, ["data", "eof", "lost"]);
    assert.deepEqual(client.notes.calls, ["lost"]);
    assert.ok(client.secure.isClosing && server.secure.isClosing);
    assert.ok(currentLoop().time() - before <= 1);
  }));

test("half closed, the other direction goes on; with both ended it closes by itself", () =>
  withUpgraded(async (client, server) => {
    client.secure.writeEof();
    await sleep(1);
    assert.deepEqual(server.notes.calls, ["eof"]);
    server.secure.write(Buffer.from("answer"));
    await sleep(1);
    assert.equal(String(client.notes.received), "answer");
    server.secure.writeEof();
    await sleep(1);
    assert.deepEqual(client.notes.calls, ["data", "eof", "lost"]);
    assert.deepEqual(server.notes.calls, ["eof", "lost"]);
  }));

test("a peer that does not answer close_notify is waited for 3 s", () =>
  withUpgraded(async (client) => {
    const before = currentLoop().time();
    client.secure.close();
    while (client.notes.calls.length === 0) await sleep(10);
    assert.deepEqual(client.notes.calls, ["lost"]);
    assert.ok(Math.abs(currentLoop().time() - before - 3_000) <= 10);
  }));

test("abort loses the connection at once, and the peer sees a failure", () =>
  withUpgraded(async (client, server) => {
    client.secure.abort();
    assert.deepEqual(client.notes.calls, ["lost"]);
    await sleep(1);
    assert.deepEqual(server.notes.calls, ["lost with an error"]);
  }));

test("an end without close_notify is a loss that says truncated, after the data", () =>
  withUpgraded(async (client, server) => {
    client.secure.write(Buffer.from("half a"));
    await sleep(1);
    client.plain.close();
    await sleep(1);
    assert.equal(String(server.notes.received), "half a");
    assert.deepEqual(server.notes.calls, ["data", "lost with an error"]);
    assert.ok(server.notes.error instanceof TlsError);
    assert.equal(server.notes.error.reason, "truncated");
  }));

test("paused reading holds everything back, and the sender is told to pause; resumed, all of it comes", () =>
  withUpgraded(async (client, server) => {
    server.secure.pauseReading();
    const total = 3_000_000;
    let written = 0;
    for (; written < total && !client.notes.calls.includes("pause"); written += 10_000)
      client.secure.write(Buffer.alloc(10_000));
    await sleep(1);
    assert.equal(client.notes.calls.at(-1), "pause");
    assert.ok(written < total);
    assert.ok(client.secure.bufferedBytes > 0);
    assert.equal(server.notes.received.length, 0);
    server.secure.resumeReading();
    await sleep(1);
    assert.equal(client.notes.calls.at(-1), "resume");
    assert.equal(server.notes.received.length, written);
    assert.deepEqual(
      client.notes.calls.filter((call, index, all) => call === all[index - 1]),
      [],
      "pause and resume alternate",
    );
  }));

test("pausing in the middle of what came together holds the rest", () =>
  withUpgraded(async (client, server) => {
    server.notes.onData = () => server.secure.pauseReading();
    client.secure.write(Buffer.alloc(60_000));
    client.secure.writeEof();
    await sleep(1);
    const first = server.notes.received.length;
    assert.ok(first > 0 && first < 60_000);
    for (let round = 0; round < 20 && server.notes.calls.at(-1) !== "eof"; round++) {
      server.secure.resumeReading();
      await sleep(1);
    }
    assert.equal(server.notes.received.length, 60_000);
    assert.deepEqual(server.notes.calls, ["data", "eof"]);
  }));

test("the protocol may be replaced again", () =>
  withUpgraded(async (client, server) => {
    const next = new Notes();
    server.secure.protocol = next;
    client.secure.write(Buffer.from("x"));
    await sleep(1);
    assert.deepEqual(next.calls, ["data"]);
    assert.deepEqual(server.notes.calls, []);
  }));

test("a refused handshake rejects, and the protocol hears of the loss, once", () =>
  withTransports(async (client, server) => {
    await taskGroup(async (group) => {
      group.spawn(() => rejection(startTls(server.plain, server.notes, serverOptions)), { background: true });
      const error = await rejection(
        startTls(client.plain, client.notes, { serverName: "other.test", context: trusting }),
      );
      assert.ok(error instanceof TlsError);
      assert.equal(error.reason, "host-mismatch");
      await sleep(1);
      assert.deepEqual(client.notes.calls, ["lost with an error"]);
      assert.equal(client.notes.error, error);
    });
  }));

test("a peer that never answers meets the handshake timeout", () =>
  withTransports(async (client) => {
    const before = currentLoop().time();
    const error = await rejection(startTls(client.plain, client.notes, { ...clientOptions, handshakeTimeoutMs: 200 }));
    assert.ok(error instanceof TlsError);
    assert.equal(error.reason, "handshake-timeout");
    assert.equal(currentLoop().time() - before, 200);
    await sleep(1);
    assert.deepEqual(client.notes.calls, ["lost with an error"]);
  }));

test("a peer that ends, or resets, in the middle of the handshake is told by name", () =>
  withTransports(async (client, server) => {
    const upgrading = rejection(startTls(client.plain, client.notes, clientOptions));
    server.plain.close();
    const error = await upgrading;
    assert.ok(error instanceof BrokenError || (error instanceof Error && "code" in error), String(error));
    await sleep(1);
    assert.deepEqual(client.notes.calls, ["lost with an error"]);
  }));

test("options that are not right, and a transport that is closing, are refused and touch nothing", () =>
  withTransports(async (client) => {
    assert.ok((await rejection(startTls(client.plain, client.notes, {} as never))) instanceof TypeError);
    assert.ok(
      (await rejection(startTls(client.plain, client.notes, { isServer: true, context: trusting }))) instanceof
        TypeError,
    );
    assert.equal(client.plain.protocol, client.before);
    client.plain.close();
    assert.ok((await rejection(startTls(client.plain, client.notes, clientOptions))) instanceof ClosedError);
  }));

test("TLS within TLS", () =>
  withUpgraded(async (client, server) => {
    const inside = [new Notes(), new Notes()] as const;
    await taskGroup(async (group) => {
      const theirs = group.spawn(() => startTls(server.secure, inside[1], serverOptions));
      const ours = await startTls(client.secure, inside[0], clientOptions);
      ours.write(Buffer.alloc(100_000, 7));
      (await theirs).write(Buffer.from("both ways"));
      await sleep(1);
      assert.equal(inside[1].received.length, 100_000);
      assert.equal(String(inside[0].received), "both ways");
    });
  }));
