/** Rule 15 above the kernel: what was abandoned and then cancelled raises no `unhandledRejection`. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, handleGroup, moveOnAfter, sleep, sleepForever, supervisor } from "coppice";
import { type ByteStream, listen, openTcp, serve, type TcpListener } from "coppice/net";
import { type Peer, servePeer, serveRpc, withPeer } from "coppice/rpc";
import { virtualRun } from "coppice/testing";
import { unhandledDuring } from "../support/unhandled.ts";

interface Place {
  /** Somebody listens there and accepts nothing. */
  readonly listener: TcpListener;
  readonly url: string;
  readonly stream: ByteStream;
  /** The service behind it never answers. */
  readonly peer: Peer;
}

const abandoned: readonly [name: string, begin: (place: Place) => unknown][] = [
  ["supervisor", () => supervisor(sleepForever)],
  ["handleGroup", () => handleGroup(sleepForever, [])],
  ["listen", () => listen({ port: 0 })],
  ["openTcp", ({ listener }) => openTcp({ port: listener.address.port })],
  ["listener.accept", ({ listener }) => listener.accept()],
  ["listener.close", ({ listener }) => listener.close()],
  ["listener's disposal", ({ listener }) => listener[Symbol.asyncDispose]()],
  ["stream.receive", ({ stream }) => stream.receive()],
  ["stream.send", ({ stream }) => stream.send(new Uint8Array(1))],
  ["stream.sendEof", ({ stream }) => stream.sendEof()],
  ["stream.close", ({ stream }) => stream.close()],
  ["stream's disposal", ({ stream }) => stream[Symbol.asyncDispose]()],
  ["serve", ({ listener }) => serve(listener, () => sleepForever())],
  ["serveRpc", ({ listener }) => serveRpc(listener, {})],
  ["servePeer", ({ stream }) => servePeer(stream, {})],
  ["withPeer", ({ url }) => withPeer(url, sleepForever)],
  ["peer.request", ({ peer }) => peer.request("never")],
  ["peer.notify", ({ peer }) => peer.notify("never")],
  ["peer.close", ({ peer }) => peer.close()],
];

/** Abandons what `begin` begins in a scope that is cancelled before or after, and lets everything come to its end. */
async function abandon(begin: (place: Place) => unknown, isCancelledBefore: boolean): Promise<void> {
  await virtualRun(async () => {
    const listener = await listen({ port: 0 });
    const quiet = await listen({ port: 0 });
    await moveOnAfter(60_000, () =>
      supervisor(async (group) => {
        group.spawn(() => serveRpc(quiet, { never: sleepForever }));
        const stream = await openTcp({ port: listener.address.port });
        await withPeer(`tcp://127.0.0.1:${quiet.address.port}`, async (peer) => {
          const place = { listener, url: `tcp://127.0.0.1:${quiet.address.port}`, stream, peer };
          await cancelScope(async (scope) => {
            if (isCancelledBefore) scope.cancel("before");
            void begin(place);
            if (!isCancelledBefore) await sleep(0);
            scope.cancel("abandoned");
          });
          await sleep(10);
        });
        stream.abort();
        group.cancelAll("the test is over");
      }),
    );
    await listener.close();
  });
}

for (const [name, begin] of abandoned) {
  test(`${name}: abandoned and then cancelled, it raises nothing`, async () => {
    assert.deepEqual(await unhandledDuring(() => abandon(begin, false)), []);
  });

  test(`${name}: abandoned in a scope that is cancelled already, it raises nothing`, async () => {
    assert.deepEqual(await unhandledDuring(() => abandon(begin, true)), []);
  });
}
