/** Rule 15 above the kernel: what was abandoned and then cancelled raises no `unhandledRejection`. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, currentLoop, handleGroup, moveOnAfter, sleep, sleepForever, supervisor } from "coppice";
import {
  BufferedReader,
  type ByteStream,
  type DatagramSocket,
  framed,
  lines,
  listen,
  listenTls,
  listenUnix,
  memoryPair,
  openTcp,
  openTls,
  openUdp,
  openUnix,
  readFrames,
  serve,
  stapled,
  type TcpListener,
  type TlsStream,
  tlsClient,
  tlsListener,
} from "coppice/net";
import { type Peer, servePeer, serveRpc, withPeer } from "coppice/rpc";
import { type VirtualLoop, virtualRun } from "coppice/testing";
import { unhandledDuring } from "../support/unhandled.ts";
import { serverContext } from "../tls/identities.ts";

const serving = serverContext();

interface Place {
  /** Somebody listens there and accepts nothing. */
  readonly listener: TcpListener;
  readonly url: string;
  readonly stream: ByteStream;
  readonly socket: DatagramSocket;
  /** TLS to somebody who says nothing. */
  readonly secure: TlsStream;
  /** The service behind it never answers. */
  readonly peer: Peer;
}

const abandoned: readonly [name: string, begin: (place: Place) => unknown][] = [
  ["supervisor", () => supervisor(sleepForever)],
  ["handleGroup", () => handleGroup(sleepForever, [])],
  ["listen", () => listen({ port: 0 })],
  ["listen, by a name", () => listen({ host: "localhost", port: 0 })],
  ["listenUnix", () => listenUnix({ path: "/run/other.sock" })],
  ["listenUnix, replacing a stale socket", () => listenUnix({ path: "/run/stale.sock", staleSocket: "replace" })],
  ["openTcp", ({ listener }) => openTcp({ port: listener.address.port })],
  ["openTcp, by a name", ({ listener }) => openTcp({ host: "localhost", port: listener.address.port })],
  ["openTcp, by a name where nobody answers", () => openTcp({ host: "silent.test", port: 1 })],
  ["openUnix", () => openUnix({ path: "/run/taken.sock" })],
  ["openUdp", () => openUdp()],
  ["openUdp, by a name", () => openUdp({ remote: { host: "localhost", port: 1 } })],
  ["datagram socket.receive", ({ socket }) => socket.receive()],
  ["a datagram socket's next", ({ socket }) => socket[Symbol.asyncIterator]().next()],
  ["datagram socket.send", ({ socket }) => socket.send(new Uint8Array(1), socket.localAddress)],
  ["datagram socket.close", ({ socket }) => socket.close()],
  ["datagram socket's disposal", ({ socket }) => socket[Symbol.asyncDispose]()],
  ["a listener's next", ({ listener }) => listener[Symbol.asyncIterator]().next()],
  ["listener.accept", ({ listener }) => listener.accept()],
  ["listener.close", ({ listener }) => listener.close()],
  ["listener's disposal", ({ listener }) => listener[Symbol.asyncDispose]()],
  ["stream.receive", ({ stream }) => stream.receive()],
  ["stream.send", ({ stream }) => stream.send(new Uint8Array(1))],
  ["stream.sendEof", ({ stream }) => stream.sendEof()],
  ["stream.close", ({ stream }) => stream.close()],
  ["stream's disposal", ({ stream }) => stream[Symbol.asyncDispose]()],
  ["a stapled stream's close", ({ stream }) => stapled(stream, stream).close()],
  ["frames' receive", ({ stream }) => readFrames(stream, lines()).receive()],
  ["the next of frames' texts", ({ stream }) => readFrames(stream, lines()).texts().next()],
  ["a framed stream's close", ({ stream }) => framed(stream, lines()).close()],
  ["a buffered reader's readLine", ({ stream }) => new BufferedReader(stream).readLine()],
  ["a buffered reader's next", ({ stream }) => new BufferedReader(stream)[Symbol.asyncIterator]().next()],
  ["openTls", ({ listener }) => openTls({ port: listener.address.port })],
  ["listenTls", () => listenTls({ port: 0, context: serving })],
  ["a TLS listener's accept", ({ listener }) => tlsListener(listener, { context: serving }).accept()],
  [
    "a TLS listener's next",
    ({ listener }) => tlsListener(listener, { context: serving })[Symbol.asyncIterator]().next(),
  ],
  ["TLS handshake", ({ secure }) => secure.handshake()],
  ["TLS receive", ({ secure }) => secure.receive()],
  ["a TLS stream's next", ({ secure }) => secure[Symbol.asyncIterator]().next()],
  ["TLS send", ({ secure }) => secure.send(new Uint8Array(1))],
  ["TLS sendEof", ({ secure }) => secure.sendEof()],
  ["TLS close", ({ secure }) => secure.close()],
  ["a TLS stream's disposal", ({ secure }) => secure[Symbol.asyncDispose]()],
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
    const taken = await listenUnix({ path: "/run/taken.sock" });
    const socket = await openUdp({ port: 0 });
    const { network } = currentLoop() as VirtualLoop;
    network.files.set("/run/stale.sock", "socket");
    network.hosts.set("silent.test", ["2001:db8::1", "192.0.2.1"]);
    for (const host of network.hosts.get("silent.test") ?? []) network.routes.set(host, { latencyMs: Infinity });
    await moveOnAfter(60_000, () =>
      supervisor(async (group) => {
        group.spawn(() => serveRpc(quiet, { never: sleepForever }));
        const stream = await openTcp({ port: listener.address.port });
        await withPeer(`tcp://127.0.0.1:${quiet.address.port}`, async (peer) => {
          const [below] = memoryPair();
          const secure = tlsClient(below, { serverName: "localhost" });
          const place = { listener, url: `tcp://127.0.0.1:${quiet.address.port}`, stream, socket, secure, peer };
          await cancelScope(async (scope) => {
            if (isCancelledBefore) scope.cancel("before");
            void begin(place);
            if (!isCancelledBefore) await sleep(0);
            scope.cancel("abandoned");
          });
          await sleep(10);
          secure.abort();
        });
        stream.abort();
        group.cancelAll("the test is over");
      }),
    );
    await listener.close();
    await taken.close();
    await socket.close();
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
