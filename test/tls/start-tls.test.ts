/** startTls: a live transport becomes a TLS transport. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ClosedError, cancelScope, currentLoop, sleep, taskGroup } from "coppice";
import type { Protocol, TlsTransport, Transport } from "coppice/loop";
import { TlsError } from "coppice/net";
import { startTls } from "../../src/protocols/start-tls.ts";
import { networked } from "../support/network.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { clientContext, serverContext } from "./identities.ts";

const trusting = clientContext();
const serving = serverContext();
const clientOptions = { serverName: "localhost", context: trusting };
const serverOptions = { isServer: true, context: serving } as const;

/** Writes down what it is told. */
class Notes implements Protocol {
  readonly calls: string[] = [];
  received = Buffer.alloc(0);
  error: Error | undefined;
  transport: Transport | undefined;
  onData: (bytes: Uint8Array) => void = () => {};
  onEof: () => void = () => {};

  connectionMade(transport: Transport): void {
    this.calls.push("made");
    this.transport = transport;
  }
  dataReceived(bytes: Uint8Array): void {
    if (this.calls.at(-1) !== "data") this.calls.push("data");
    this.received = Buffer.concat([this.received, bytes]);
    this.onData(bytes);
  }
  eofReceived(): void {
    this.calls.push("eof");
    this.onEof();
  }
  connectionLost(error: Error | undefined): void {
    this.calls.push(error === undefined ? "lost" : "lost with an error");
    this.error = error;
  }
  pauseWriting(): void {
    this.calls.push("pause");
  }
  resumeWriting(): void {
    this.calls.push("resume");
  }
}

interface End {
  readonly plain: Transport;
  readonly before: Notes;
  readonly notes: Notes;
}

/** Two connected transports with a protocol for the time before, and one for the time after. */
async function withTransports(body: (client: End, server: End) => Promise<void>): Promise<void> {
  await networked(async () => {
    const { network } = currentLoop();
    const ends = [new Notes(), new Notes()] as const;
    const listener = await network.listen(
      { address: { host: "127.0.0.1", port: 0 } },
      { accepted: () => ends[1], acceptFailed: () => {} },
    );
    network.connect({ address: listener.address }, ends[0]);
    await sleep(1);
    await listener.close();
    const [client, server] = ends.map((before) => ({
      plain: before.transport as Transport,
      before,
      notes: new Notes(),
    })) as [End, End];
    try {
      await body(client, server);
    } finally {
      for (const { plain } of [client, server]) plain.abort();
      await sleep(1);
    }
  });
}

async function upgrade(client: End, server: End): Promise<[TlsTransport, TlsTransport]> {
  return taskGroup(async (group) => {
    const serving = group.spawn(() => startTls(server.plain, server.notes, serverOptions));
    const secure = await startTls(client.plain, client.notes, clientOptions);
    return [secure, await serving];
  });
}

/** Runs `body` over two upgraded transports. */
function withUpgraded(
  body: (client: End & { secure: TlsTransport }, server: End & { secure: TlsTransport }) => Promise<void>,
): Promise<void> {
  return withTransports(async (client, server) => {
    const [ours, theirs] = await upgrade(client, server);
    await body({ ...client, secure: ours }, { ...server, secure: theirs });
  });
}

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

test("cancelled, the connection is aborted, as it is neither plain nor TLS", () =>
  withTransports(async (client, server) => {
    await cancelScope(async (scope) => {
      const upgrading = assertCancelledBy(scope, startTls(client.plain, client.notes, clientOptions));
      await sleep(1);
      scope.cancel();
      await upgrading;
    });
    assert.deepEqual(client.notes.calls, ["lost"]);
    await sleep(1);
    assert.equal(server.before.calls.at(-1), "lost with an error");
  }));

test("in a cancelled scope nothing is touched", () =>
  withTransports(async (client) => {
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, startTls(client.plain, client.notes, clientOptions));
    });
    assert.equal(client.plain.protocol, client.before);
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
