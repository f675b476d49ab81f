/** Node's own TLS at the other end, large transfers, and that the system gets everything back. */
import assert from "node:assert/strict";
import test from "node:test";
import tls from "node:tls";
import { BrokenError, cancelScope, taskGroup, until } from "coppice";
import {
  listenTls,
  listenUnix,
  openTcp,
  openTls,
  openUnix,
  serve,
  TlsError,
  tlsClient,
  tlsListener,
} from "coppice/net";
import { pattern } from "../../src/testing/streams/expect.ts";
import { really } from "../support/real.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { readAll, readBytes } from "../support/streams.ts";
import { clientContext, identity, pem, serverContext } from "./identities.ts";
import { shakeHands } from "./pairs.ts";

const trusting = clientContext();
const serving = serverContext();
const MEGABYTE = 1024 * 1024;

/** A server of Node's that calls `serve` with each socket. */
async function withNodeServer(
  options: tls.TlsOptions,
  handle: (socket: tls.TLSSocket) => void,
  body: (port: number) => Promise<void>,
): Promise<void> {
  await really(async () => {
    const server = tls.createServer({ ...identity("server"), ...options }, handle);
    server.on("tlsClientError", () => {});
    await until(new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve())));
    try {
      await body((server.address() as { port: number }).port);
    } finally {
      await until(new Promise((resolve) => server.close(resolve)));
    }
  });
}

function echo(socket: tls.TLSSocket): void {
  socket.on("error", () => {});
  socket.pipe(socket);
}

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`${maxVersion}: a server of Node's echoes 5 MB, with backpressure both ways`, () =>
    withNodeServer({ maxVersion }, echo, async (port) => {
      await using stream = await openTls({ host: "localhost", port, context: trusting });
      await taskGroup(async (group) => {
        group.spawn(async () => {
          for (let at = 0; at < 5 * MEGABYTE; at += 65_537) {
            await stream.send(pattern(Math.min(65_537, 5 * MEGABYTE - at), at));
          }
          await stream.sendEof();
        });
        assert.ok((await readAll(stream)).equals(pattern(5 * MEGABYTE)));
      });
      assert.equal(stream.session?.version, maxVersion);
    }));
}

test("a server of Node's: ALPN, and a client's certificate", () =>
  withNodeServer(
    { requestCert: true, ca: pem("ca"), ALPNProtocols: ["h2", "x"] },
    (socket) => socket.end(`${socket.alpnProtocol} ${socket.getPeerCertificate().subject.CN}`),
    async (port) => {
      const context = clientContext({ ...identity("client"), alpnProtocols: ["x"] });
      await using stream = await openTls({ host: "127.0.0.1", port, context });
      // Not to its end: a server of Node 24 that ends in the turn of the handshake forgets its close_notify.
      assert.equal(String(await readBytes(stream, 8)), "x client");
    },
  ));

test("a server of Node's that requires a certificate: the client is told what it lacks", () =>
  withNodeServer({ requestCert: true, ca: pem("ca"), rejectUnauthorized: true }, echo, async (port) => {
    const error = await rejection(
      (async () => {
        await using stream = await openTls({ host: "127.0.0.1", port, context: trusting, shutdownTimeoutMs: 50 });
        await stream.receive();
      })(),
    );
    assert.ok(error instanceof TlsError, String(error));
    assert.equal(error.reason, "client-certificate-required");
  }));

test("a server of Node's that drops the connection is a truncation, or a reset", () =>
  withNodeServer(
    {},
    (socket) => socket.write("x", () => socket.destroy()),
    async (port) => {
      const stream = await openTls({ host: "127.0.0.1", port, context: trusting });
      const error = await rejection(readAll(stream));
      assert.ok(error instanceof BrokenError);
      assert.match(error.message, /truncated|ECONNRESET/);
      await stream.close();
    },
  ));

test("clients of Node's are served, a hundred at once, among them some that say something else", () =>
  really(async () => {
    const listener = await listenTls({ port: 0, context: serving });
    const { port } = listener.address;
    await taskGroup(async (group) => {
      group.spawn(() =>
        serve(listener, async (stream) => {
          for await (const chunk of stream) await stream.send(chunk);
        }),
      );
      await taskGroup((clients) => {
        for (let index = 0; index < 100; index++) {
          clients.spawn(async () => {
            if (index % 4 === 0) {
              const plain = await openTcp({ port });
              await plain.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
              await rejection(readAll(plain).then(() => Promise.reject(new Error("an end"))));
              plain.abort();
              return;
            }
            const text = `client ${index}`;
            const heard = await until(
              new Promise<string>((resolve, reject) => {
                let all = "";
                const socket = tls.connect({ port, host: "127.0.0.1", ca: pem("ca") }, () => socket.end(text));
                socket.on("data", (bytes) => {
                  all += bytes;
                });
                socket.on("close", () => resolve(all));
                socket.on("error", reject);
              }),
            );
            assert.equal(heard, text);
          });
        }
      });
      await listener.close();
    });
  }));

test("handshakes that are cancelled, and connections that are dropped, leave no descriptor behind", () =>
  really(async () => {
    const listener = await listenTls({ port: 0, context: serving });
    const { port } = listener.address;
    await taskGroup(async (group) => {
      group.spawn(() => serve(listener, (stream) => stream.send(Buffer.alloc(100_000))));
      await taskGroup((clients) => {
        for (let index = 0; index < 60; index++) {
          clients.spawn(() =>
            cancelScope(async (scope) => {
              const opening = openTls({ host: "127.0.0.1", port, context: trusting });
              if (index % 3 === 0) {
                const cancelled = assertCancelledBy(scope, opening);
                scope.cancel();
                await cancelled;
                return;
              }
              const stream = await opening;
              await readBytes(stream, 10);
              if (index % 3 === 1) stream.abort();
              else await stream.close();
            }),
          );
        }
      });
      await listener.close();
    });
  }));

test("TLS over a Unix socket", () =>
  really(async () => {
    const path = `/tmp/coppice-tls-${process.pid}.sock`;
    await using listener = tlsListener(await listenUnix({ path }), { context: serving });
    await using client = tlsClient(await openUnix({ path }), { context: trusting, serverName: "localhost" });
    await using server = await listener.accept();
    await shakeHands(client, server);
    await client.send(Buffer.from("x"));
    assert.equal((await server.receive())?.length, 1);
    await taskGroup(async (group) => {
      group.spawn(() => client.close());
      await server.close();
    });
  }));
