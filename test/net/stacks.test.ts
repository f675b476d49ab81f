/** Rule 14 for the network: every error shows who connected, listened, sent, received, behind a few frames of the library. */
import assert from "node:assert/strict";
import test from "node:test";
import { currentLoop, taskGroup } from "coppice";
import {
  BufferedReader,
  type ByteStream,
  framed,
  lines,
  listen,
  listenUnix,
  memoryPair,
  openTcp,
  openTls,
  openUdp,
  openUnix,
  type TlsStream,
  tlsClient,
  tlsListener,
  tlsServer,
} from "coppice/net";
import { type VirtualLoop, waitAllTasksBlocked } from "coppice/testing";
import { datagramSocket } from "../support/noting-datagrams.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";
import { clientContext, serverContext } from "../tls/identities.ts";

const PATH = "/run/service.sock";
const peer = { host: "192.0.2.1", port: 7 };

function refused(): Error {
  return Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
}

const trusting = clientContext();
const serving = serverContext();

/** What `use` does while the other end of the stream does what `peer` does. */
function opposite(use: (stream: ByteStream) => Promise<unknown>, peer: (stream: ByteStream) => unknown) {
  return (): Promise<unknown> => {
    const [near, far] = memoryPair();
    const using = use(near);
    queueMicrotask(() => peer(far));
    return using;
  };
}

/** The same for a client of TLS and a server of it that have done their handshake. */
function secured(
  use: (stream: TlsStream) => Promise<unknown>,
  peer: (server: TlsStream, below: ByteStream) => unknown,
): () => Promise<unknown> {
  return async () => {
    const [near, far] = memoryPair();
    const client = tlsClient(near, { serverName: "localhost", context: trusting });
    const server = tlsServer(far, { context: serving });
    await Promise.all([client.handshake(), server.handshake()]);
    const using = use(client);
    queueMicrotask(() => peer(server, far));
    await using;
  };
}

const hello = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");

/** What fails, where `db.test` has two addresses, nobody listens, and the path is a plain file's. */
const failures: readonly [name: string, begin: () => Promise<unknown>, cause?: () => void][] = [
  ["openTcp", () => openTcp({ port: 1 })],
  ["openTcp by a name", () => openTcp({ host: "db.test", port: 1 })],
  ["openTcp by a name that nobody has", () => openTcp({ host: "no.invalid", port: 1 })],
  ["openUnix", () => openUnix({ path: PATH })],
  ["listen where it is in use", () => listen({ port: 80 })],
  ["listen by a name where it is in use", () => listen({ host: "localhost", port: 80 })],
  ["listen by a name that nobody has", () => listen({ host: "no.invalid", port: 0 })],
  ["listenUnix", () => listenUnix({ path: PATH })],
  ["listenUnix, replacing", () => listenUnix({ path: PATH, staleSocket: "replace" })],
  ["openUdp where it is in use", () => openUdp({ port: 80 })],
  ["openUdp by a name that nobody has", () => openUdp({ remote: { host: "no.invalid", port: 1 } })],
  [
    "datagram socket.receive, told of an error",
    () => {
      const { socket } = datagramSocket({ remote: peer });
      const receiving = socket.receive();
      queueMicrotask(() => socket.errorReceived(refused()));
      return receiving;
    },
  ],
  [
    "datagram socket.receive, closed",
    () => {
      const { socket } = datagramSocket();
      const receiving = socket.receive();
      queueMicrotask(() => socket.abort());
      return receiving;
    },
  ],
  [
    "datagram socket.send, lost",
    () => {
      const { socket } = datagramSocket({ remote: peer });
      socket.pauseWriting();
      const sending = socket.send(new Uint8Array(1));
      queueMicrotask(() => socket.connectionLost(refused()));
      return sending;
    },
  ],
  [
    "stream.receive, lost",
    opposite(
      (stream) => stream.receive(),
      (peer) => peer.abort(),
    ),
  ],
  [
    "frames, lost",
    opposite(
      (stream) => framed(stream, lines()).receive(),
      (peer) => peer.abort(),
    ),
  ],
  [
    "readExactly, ended",
    opposite(
      (stream) => new BufferedReader(stream).readExactly(3),
      (peer) => peer.sendEof(),
    ),
  ],
  [
    "readLine, lost",
    opposite(
      (stream) => new BufferedReader(stream).readLine(),
      (peer) => peer.abort(),
    ),
  ],
  [
    "TLS handshake, lost",
    opposite(
      (stream) => tlsClient(stream, { serverName: "localhost" }).handshake(),
      (peer) => peer.abort(),
    ),
  ],
  [
    "TLS send before a handshake that is cut",
    opposite(
      (stream) => tlsClient(stream, { serverName: "localhost" }).send(hello),
      (peer) => peer.close(),
    ),
  ],
  [
    "TLS receive before a handshake with one who speaks no TLS",
    opposite(
      (stream) => tlsClient(stream, { serverName: "localhost" }).receive(),
      (peer) => peer.send(hello),
    ),
  ],
  [
    "TLS handshake that times out",
    opposite(
      (stream) => tlsClient(stream, { serverName: "localhost", handshakeTimeoutMs: 5 }).handshake(),
      () => {},
    ),
  ],
  ["openTls where nobody listens", () => openTls({ port: 1 })],
  ["openTls where nobody answers", () => openTls({ port: 80, handshakeTimeoutMs: 5 })],
  [
    "TLS receive, lost",
    secured(
      (stream) => stream.receive(),
      (_, below) => below.abort(),
    ),
  ],
  [
    "TLS receive, cut off",
    secured(
      (stream) => stream.receive(),
      (_, below) => below.close(),
    ),
  ],
  [
    "TLS receive, closed here",
    secured(
      (stream) => {
        queueMicrotask(() => stream.abort());
        return stream.receive();
      },
      () => {},
    ),
  ],
  [
    "TLS send, lost",
    secured(
      async (stream) => {
        for (;;) await stream.send(new Uint8Array(100_000));
      },
      (_, below) => below.abort(),
    ),
  ],
  [
    "a TLS listener's accept, closed",
    async () => {
      const listener = tlsListener(await listen({ port: 81 }), { context: serving });
      const accepting = listener.accept();
      queueMicrotask(() => listener.close());
      await accepting;
    },
  ],
];

for (const [name, begin] of failures) {
  test(`${name}: the error shows who waited`, () =>
    virtually(async () => {
      const { network } = currentLoop() as VirtualLoop;
      network.hosts.set("db.test", ["2001:db8::1", "192.0.2.1"]);
      network.files.set(PATH, "file");
      const taken = [await listen({ port: 80 }), await openUdp({ port: 80 })];
      async function innerUser(): Promise<void> {
        await begin();
      }
      async function outerUser(): Promise<void> {
        await innerUser();
      }
      await taskGroup(async (group) => {
        const failing = group.spawn(() => rejection(outerUser()));
        await waitAllTasksBlocked();
        const error = await failing;
        assert.ok(error instanceof Error);
        const lines = String(error.stack).slice(error.message.length).split("\n    at ").slice(1);
        const own = lines.findIndex((line) => line.startsWith("async innerUser "));
        assert.ok(own >= 0 && own <= 6, String(error.stack));
        assert.match(lines[own + 1] ?? "", /^async outerUser /);
      });
      for (const one of taken) await one.close();
    }));
}
