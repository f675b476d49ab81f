/** Peers that vanish without a word, behind a relay that passes nothing on any more: whoever sets a bound is held up no longer than that. */
import assert from "node:assert/strict";
import { createServer, connect as dial, type Socket } from "node:net";
import test from "node:test";
import { cancelScope, currentScope, sleep, TimeoutError, taskGroup, withTimeout } from "coppice";
import { NodeLoop, SelectorLoop } from "coppice/loop";
import {
  type ByteStream,
  framed,
  lines,
  listen,
  openTcp,
  openTls,
  type SocketStream,
  serve,
  TlsError,
  tlsClient,
  tlsServer,
} from "coppice/net";
import { harmless } from "../support/faults-guard.ts";
import { rejection } from "../support/rejection.ts";
import { clientContext, serverContext } from "../tls/identities.ts";
import { shakeHands } from "../tls/pairs.ts";
import { assertClosed, assertTimedOut, bytesOf, fill, flood, textOf } from "./streams-at-work.ts";

const MOMENT_MS = 20;

interface Relay extends AsyncDisposable {
  readonly port: number;
  /** From now on nothing is passed on, in either direction, and nothing is closed: as when a cable is pulled. */
  vanish(): void;
}

/** Passes on what comes to the server at `target`. */
async function relayTo(target: number): Promise<Relay> {
  const sockets: Socket[] = [];
  let isGone = false;
  const server = createServer({ pauseOnConnect: true }, (near) => {
    const far = dial(target, "127.0.0.1");
    for (const socket of [near, far]) sockets.push(socket.on("error", () => {}));
    if (isGone) return;
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    port: (server.address() as { port: number }).port,
    vanish() {
      isGone = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** Two that have talked over a relay. */
async function withTalkers(
  secure: boolean,
  body: (here: ByteStream, there: ByteStream, relay: Relay) => Promise<void>,
): Promise<void> {
  await using listener = await listen({ port: 0 });
  await using relay = await relayTo(listener.address.port);
  const below: SocketStream = await openTcp({ port: relay.port });
  const opposite = await listener.accept();
  let [there, here]: [ByteStream, ByteStream] = [below, opposite];
  if (secure) {
    const [client, server] = [
      tlsClient(below, { context: clientContext(), serverName: "localhost", shutdownTimeoutMs: MOMENT_MS }),
      tlsServer(opposite, { context: serverContext(), shutdownTimeoutMs: MOMENT_MS }),
    ];
    await shakeHands(client, server);
    [there, here] = [client, server];
  }
  try {
    await there.send(bytesOf("hello"));
    assert.equal(textOf(await here.receive()), "hello");
    relay.vanish();
    await body(here, there, relay);
  } finally {
    here.abort();
    there.abort();
  }
}

const loops = {
  NodeLoop: () => ({ loop: new NodeLoop(), end: () => {} }),
  SelectorLoop: () => {
    const loop = new SelectorLoop();
    return { loop, end: () => loop.close() };
  },
};

for (const [loopName, onLoop] of Object.entries(loops)) {
  for (const secure of [false, true]) {
    const name = `${loopName}, ${secure ? "TLS over TCP" : "TCP"}`;

    test(`${name}: who receives from a peer that has vanished waits until its own timeout, and can close at once`, () =>
      harmless(
        () =>
          withTalkers(secure, async (here) => {
            assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => here.receive())), MOMENT_MS);
            await here.send(bytesOf("are you there?"));
            assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => here.receive())), MOMENT_MS);
            await here.close();
            assertClosed(await rejection(here.receive()), "receive from");
          }),
        onLoop(),
      ));

    test(`${name}: who sends to a peer that has vanished is held by backpressure, and by its own timeouts`, () =>
      harmless(
        () =>
          withTalkers(secure, async (here) => {
            await fill(here);
            const error = await rejection(withTimeout(MOMENT_MS, () => flood(here)));
            assertTimedOut(error, MOMENT_MS);
            assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => here.close())), MOMENT_MS);
            await here.close();
          }),
        onLoop(),
      ));

    test(`${name}: an abort of a stream whose peer has vanished is over at once, for everybody who waits in it`, () =>
      harmless(
        () =>
          withTalkers(secure, async (here) => {
            await fill(here);
            const waits = [rejection(flood(here)), rejection(here.receive())];
            await sleep(1);
            here.abort();
            assertClosed(await waits[0], "send to");
            assertClosed(await waits[1], "receive from");
            await here.close();
          }),
        onLoop(),
      ));

    test(`${name}: half a frame, and then nothing, is waited for no longer than the reader says`, () =>
      harmless(
        () =>
          withTalkers(secure, async (here) => {
            const messages = framed(here, lines());
            assert.ok((await rejection(withTimeout(MOMENT_MS, () => messages.receive()))) instanceof TimeoutError);
            messages.abort();
          }),
        onLoop(),
      ));
  }

  test(`${loopName}: a server one of whose peers has vanished stops in its grace period, and serves the others until then`, () =>
    harmless(async () => {
      const listener = await listen({ port: 0 });
      await using relay = await relayTo(listener.address.port);
      await taskGroup(async (group) => {
        const serving = group.spawn(() =>
          cancelScope(async (scope) => {
            group.spawn(async () => {
              const [vanished, other] = [await openTcp({ port: relay.port }), await openTcp(listener.address)];
              for (const stream of [vanished, other]) await stream.send(bytesOf("ping"));
              for (const stream of [vanished, other]) assert.equal(textOf(await stream.receive()), "ping");
              relay.vanish();
              scope.stop({ graceMs: 10 * MOMENT_MS, reason: "enough" });
              await other.send(bytesOf("last"));
              assert.equal(textOf(await other.receive()), "last");
              await serving;
              for (const stream of [vanished, other]) stream.abort();
            });
            await serve(listener, async (stream) => {
              for await (const chunk of stream) await stream.send(chunk);
            });
          }),
        );
        await serving;
      });
      assert.equal(currentScope().isCancelled, false);
    }, onLoop()));

  test(`${loopName}: a server that accepts and says nothing meets the handshake timeout of TLS, and a timeout around it`, () =>
    harmless(async () => {
      await using listener = await listen({ port: 0 });
      const options = { port: listener.address.port, context: clientContext(), serverName: "localhost" };
      const error = await rejection(openTls({ ...options, handshakeTimeoutMs: MOMENT_MS }));
      assert.ok(error instanceof TlsError && error.reason === "handshake-timeout", String(error));
      assert.match(error.message, new RegExp(`did not finish the handshake in ${MOMENT_MS} ms`));
      assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => openTls(options))), MOMENT_MS);
    }, onLoop()));
}
