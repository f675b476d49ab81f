/** A TLS server whose peers speak something else, cut the handshake anywhere, or vanish in it: the others are served, and nothing is left. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import test from "node:test";
import { connect as connectTls } from "node:tls";
import { BrokenError, taskGroup } from "coppice";
import { NodeLoop, SelectorLoop } from "coppice/loop";
import { type ByteStream, listenTls, openTcp, openTls, type SocketStream, serve, TlsError } from "coppice/net";
import { harmless } from "../support/faults-guard.ts";
import { rejection } from "../support/rejection.ts";
import { clientContext, serverContext } from "../tls/identities.ts";
import { pattern, textOf } from "./streams-at-work.ts";

const HANDSHAKE_TIMEOUT_MS = 200;

/** The first flight of a client, as Node's TLS makes it. */
async function clientHello(): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => socket.once("data", (bytes) => resolve(Buffer.from(bytes))));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const raw = connect((server.address() as { port: number }).port, "127.0.0.1");
  const client = connectTls({ socket: raw, servername: "localhost" }).on("error", () => {});
  const hello = await promise;
  client.destroy();
  raw.destroy();
  await new Promise((closed) => server.close(closed));
  return hello;
}

type Harm = (peer: SocketStream, hello: Buffer) => Promise<void>;

const harms: Readonly<Record<string, Harm>> = {
  "plain HTTP": (peer) => peer.send(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
  zeros: (peer) => peer.send(new Uint8Array(10_000)),
  "bytes of every value": (peer) => peer.send(pattern(70_000)),
  "a record that is longer than records are": (peer) =>
    peer.send(Buffer.from("1603010000ffff".padEnd(2_000, "0"), "hex")),
  "an end at once": (peer) => peer.sendEof(),
  "a reset at once": async (peer) => peer.abort(),
  "a half of the first flight, and an end": async (peer, hello) => {
    await peer.send(hello.subarray(0, hello.length / 2));
    await peer.sendEof();
  },
  "a half of the first flight, and a reset": async (peer, hello) => {
    await peer.send(hello.subarray(0, hello.length / 2));
    peer.abort();
  },
  "the first flight, and then garbage": (peer, hello) => peer.send(Buffer.concat([hello, pattern(5_000)])),
  "the first flight, twice": (peer, hello) => peer.send(Buffer.concat([hello, hello])),
  "the first flight, and a reset": async (peer, hello) => {
    await peer.send(hello);
    await peer.receive();
    peer.abort();
  },
  "the first flight, and then nothing": (peer, hello) => peer.send(hello),
  nothing: async () => {},
};

const loops = {
  NodeLoop: () => ({ loop: new NodeLoop(), end: () => {} }),
  SelectorLoop: () => {
    const loop = new SelectorLoop();
    return { loop, end: () => loop.close() };
  },
};

async function talk(stream: ByteStream, text: string): Promise<void> {
  await stream.send(Buffer.from(text));
  assert.equal(textOf(await stream.receive()), text);
}

for (const [loopName, onLoop] of Object.entries(loops)) {
  for (const [name, harm] of Object.entries(harms)) {
    test(`${loopName}: a peer that sends ${name} is told to its handler as a TlsError or a lost connection, and to nobody else`, async () => {
      const hello = await clientHello();
      await harmless(async () => {
        const told = Promise.withResolvers<unknown>();
        const listener = await listenTls({
          port: 0,
          context: serverContext(),
          handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
          shutdownTimeoutMs: 20,
        });
        const { port } = listener.address;
        await taskGroup(async (group) => {
          const handle = async (stream: ByteStream): Promise<void> => {
            try {
              for await (const chunk of stream) await stream.send(chunk);
            } catch (error) {
              told.resolve(error);
              throw error;
            }
          };
          group.spawn(() => serve(listener, handle));
          const others = await openTls({
            port,
            context: clientContext(),
            serverName: "localhost",
            shutdownTimeoutMs: 20,
          });
          await talk(others, "before");
          const peer = await openTcp({ port });
          await harm(peer, hello);
          await talk(others, "meanwhile");
          const error = await told.promise;
          assert.ok(error instanceof BrokenError, String(error));
          if (error instanceof TlsError) assert.match(error.message, /^(receive|TLS handshake): \S.{15,}/);
          else assert.match(error.message, /connection was lost \(.*(ECONNRESET|EPIPE)/);
          await talk(others, "after");
          await others.close();
          peer.abort();
          assert.ok((await rejection(others.send(Buffer.from("x")))) instanceof Error);
          await listener.close();
        });
      }, onLoop());
    });
  }
}
