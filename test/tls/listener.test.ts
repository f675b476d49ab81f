/** Listening for TLS: handshakes happen in each connection's own task. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ClosedError, cancelScope, currentLoop, sleep, taskGroup } from "coppice";
import { listen, listenTls, openTcp, openTls, serve, TlsError, type TlsListener, tlsListener } from "coppice/net";
import { networked } from "../support/network.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { readAll } from "../support/streams.ts";
import { clientContext, identity, serverContext } from "./identities.ts";

const trusting = clientContext();
const serving = serverContext();

/** Runs a server that answers everything in capitals, and `body` beside it. */
async function withServer(body: (port: number) => Promise<void>): Promise<void> {
  await networked(async () => {
    const listener = await listenTls({ host: "127.0.0.1", port: 0, context: serving });
    await taskGroup(async (group) => {
      group.spawn(() =>
        serve(listener, async (stream) => {
          for await (const chunk of stream) await stream.send(Buffer.from(String(Buffer.from(chunk)).toUpperCase()));
        }),
      );
      await body(listener.address.port);
      await listener.close();
    });
  });
}

async function ask(port: number, text: string): Promise<string> {
  await using client = await openTls({ host: "127.0.0.1", port, context: trusting });
  await client.send(Buffer.from(text));
  await client.sendEof();
  return String(await readAll(client));
}

test("openTls connects, verifies for the host, and talks", () =>
  withServer(async (port) => {
    assert.equal(await ask(port, "hello"), "HELLO");
  }));

test("clients that say nothing, or no TLS, hold up nobody and end nothing", () =>
  withServer(async (port) => {
    const silent = await openTcp({ port });
    const talking = await openTcp({ port });
    await talking.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    const gone = await openTcp({ port });
    gone.abort();
    const before = currentLoop().time();
    assert.equal(await ask(port, "still there?"), "STILL THERE?");
    assert.equal(currentLoop().time(), before);
    // The silent one is let go after the handshake timeout.
    await readAll(silent).catch((error: unknown) => assert.ok(error instanceof BrokenError));
    assert.equal(currentLoop().time() - before, 10_000);
    silent.abort();
    talking.abort();
    assert.equal(await ask(port, "and now?"), "AND NOW?");
  }));

test("a client that does not trust the server costs the server nothing", () =>
  withServer(async (port) => {
    const error = await rejection(openTls({ host: "other.test", port, context: trusting }));
    assert.ok(error instanceof TlsError);
    assert.equal(error.reason, "host-mismatch");
    assert.equal(await ask(port, "next"), "NEXT");
  }));

test("serverName says whom to verify when it is not the host", () =>
  withServer(async (port) => {
    await using client = await openTls({ host: "other.test", port, serverName: "localhost", context: trusting });
    assert.equal(client.session?.peerCertificate?.subject, "CN=server");
  }));

test("openTls that is cancelled in the handshake leaves no connection", () =>
  networked(async () => {
    await using listener = await listen({ port: 0 });
    await cancelScope(async (scope) => {
      const opening = assertCancelledBy(
        scope,
        openTls({ host: "127.0.0.1", port: listener.address.port, context: trusting }),
      );
      await sleep(1);
      scope.cancel();
      await opening;
    });
  }));

test("openTls says what is wrong with its options before it connects", () =>
  networked(async (network) => {
    const bad = [
      { host: "127.0.0.1", port: 1, handshakeTimeoutMs: -1 },
      { host: "127.0.0.1", port: 1, context: {} as never },
      { host: "127.0.0.1", port: 1, serverName: "" },
    ];
    for (const options of bad) {
      const error = await rejection(openTls(options));
      assert.ok(error instanceof RangeError || error instanceof TypeError, String(error));
    }
    assert.equal(network.wires.length, 0);
  }));

test("a listener of TLS is a listener: iteration ends at close, accept says so", () =>
  networked(async () => {
    const listener: TlsListener = await listenTls({ port: 0, context: serving });
    const accepting = rejection(listener.accept());
    await taskGroup(async (group) => {
      await sleep(1);
      group.spawn(async () => {
        assert.ok((await accepting) instanceof ClosedError);
        for await (const stream of listener) assert.fail(`accepted ${stream}`);
      });
      await listener.close();
    });
    assert.ok((await rejection(listener.accept())) instanceof ClosedError);
  }));

test("TLS goes on top of any listener", () =>
  networked(async () => {
    const below = await listen({ port: 0 });
    await using listener = tlsListener(below, { context: serving });
    await taskGroup(async (group) => {
      group.spawn(async () => {
        await using stream = await listener.accept();
        await stream.send(Buffer.from("hello"));
      });
      await using client = await openTls({ host: "127.0.0.1", port: below.address.port, context: trusting });
      assert.equal(String(await readAll(client)), "hello");
    });
  }));

test("a server without a certificate is refused before it listens", () =>
  networked(async (network) => {
    const error = await rejection(listenTls({ port: 0, context: trusting }));
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /^listenTls: the context of a server needs a certificate/);
    assert.equal(network.listeners.size, 0);
    assert.throws(
      () => tlsListener({} as never, { context: serverContext({ ...identity("server") }), shutdownTimeoutMs: NaN }),
      RangeError,
    );
  }));
