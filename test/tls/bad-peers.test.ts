/** Peers that speak something else, say nothing, cut the connection, or change what goes over it. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, currentLoop, sleep, taskGroup } from "coppice";
import { type ByteStream, TlsError, tlsClient, tlsServer } from "coppice/net";
import fc from "fast-check";
import { networked } from "../support/network.ts";
import { rejection } from "../support/rejection.ts";
import { readAll, withPair } from "../support/streams.ts";
import { virtually } from "../support/virtual.ts";
import { clientContext, serverContext } from "./identities.ts";
import { shakeHands, withTlsPair } from "./pairs.ts";
import { type Change, withWire } from "./relay.ts";

const trusting = clientContext();
const serving = serverContext();

function pairOver(left: ByteStream, right: ByteStream) {
  return [
    tlsClient(left, { context: trusting, serverName: "localhost" }),
    tlsServer(right, { context: serving }),
  ] as const;
}

async function tlsRejection(promise: PromiseLike<unknown>): Promise<TlsError> {
  const error = await rejection(promise);
  assert.ok(error instanceof TlsError, String(error));
  return error;
}

const notTls: readonly [name: string, bytes: Uint8Array, message: RegExp][] = [
  ["plain HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), /plain HTTP/],
  ["text", Buffer.from("220 mail.example.com ESMTP ready\r\n"), /is not TLS/],
  ["zeros", Buffer.alloc(100), /is not TLS/],
  ["JSON-RPC with a length", Buffer.from('\0\0\0\x18{"method": "foo", "id": 1}'), /is not TLS/],
];

for (const [name, bytes, message] of notTls) {
  test(`${name} to a server of TLS is refused by name, and the peer gets an end`, () =>
    networked(() =>
      withPair(async (peer, below) => {
        const server = tlsServer(below, { context: serving });
        await peer.send(bytes);
        const error = await tlsRejection(server.receive());
        assert.equal(error.reason, "not-tls", error.message);
        assert.match(error.message, message);
        await server.close();
        // What is left is an alert, or nothing; then it ends.
        assert.ok((await readAll(peer)).length < 20);
        peer.abort();
      }),
    ));
}

test("a server that speaks plain text is refused by the client", () =>
  networked(() =>
    withPair(async (below, peer) => {
      const client = tlsClient(below, { context: trusting, serverName: "localhost" });
      await peer.send(Buffer.from("220 mail.example.com ESMTP ready\r\n"));
      const error = await tlsRejection(client.handshake());
      assert.equal(error.reason, "not-tls");
      assert.match(error.message, /check the port/);
      client.abort();
    }),
  ));

test("garbage of any kind ends in an error, not in a hang", () =>
  fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.boolean(), (bytes, isServer) =>
      networked(() =>
        withPair(async (peer, below) => {
          const stream = isServer
            ? tlsServer(below, { context: serving })
            : tlsClient(below, { context: trusting, serverName: "localhost" });
          await peer.send(bytes);
          await peer.sendEof();
          await tlsRejection(stream.receive());
          stream.abort();
        }),
      ),
    ),
    { numRuns: 60 },
  ));

test("a peer that never begins the handshake meets the handshake timeout, 10 s by default", () =>
  networked(() =>
    withPair(async (peer, below) => {
      for (const [options, ms] of [
        [{ handshakeTimeoutMs: 250 }, 250],
        [{}, 10_000],
      ] as const) {
        const before = currentLoop().time();
        const server = tlsServer(below, { context: serving, ...options });
        const error = await tlsRejection(server.receive());
        assert.equal(error.reason, "handshake-timeout");
        assert.match(error.message, new RegExp(`in ${ms} ms \\(handshakeTimeoutMs\\)`));
        assert.equal(currentLoop().time() - before, ms);
        assert.equal((await tlsRejection(server.send(Buffer.from("x")))).reason, "handshake-timeout");
      }
      peer.abort();
    }),
  ));

test("a peer that drips its handshake meets the timeout as well: it is for the whole of it", () =>
  virtually(() =>
    withWire(
      (bytes) => bytes,
      async (left, right) => {
        const server = tlsServer(right, { context: serving, handshakeTimeoutMs: 1_000 });
        await taskGroup(async (group) => {
          const dripping = group.spawn(async () => {
            for (const byte of [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]) {
              await left.send(Uint8Array.of(byte));
              await sleep(300);
            }
          });
          assert.equal((await tlsRejection(server.handshake())).reason, "handshake-timeout");
          assert.equal(currentLoop().time(), 1_000);
          server.abort();
          await rejection(dripping);
          group.cancelAll();
        }).catch((error: unknown) => assert.ok(error instanceof BrokenError));
      },
    ),
  ));

/** How many bytes each side says in a handshake. */
async function flights(): Promise<{ left: number; right: number }> {
  return withWire(
    (bytes) => bytes,
    async (left, right, wire) => {
      const [client, server] = pairOver(left, right);
      await shakeHands(client, server);
      // The tickets that come after it are on their way.
      await sleep(1);
      return { ...wire.sent };
    },
  );
}

/** Lets `count` bytes of one side pass, then ends its direction in order, or resets the wire. */
function upTo(count: number, side: "left" | "right", isReset: boolean): Change {
  return (bytes, from, before) =>
    from !== side || before + bytes.length <= count ? bytes : { last: bytes.subarray(0, count - before), isReset };
}

for (const side of ["left", "right"] as const) {
  for (const isReset of [false, true]) {
    const who = side === "left" ? "client" : "server";
    test(`a handshake that ${isReset ? "is reset" : "ends"} after any byte of the ${who}'s is an error for both, at once`, () =>
      virtually(async () => {
        const total = (await flights())[side];
        // Signatures are a few bytes longer or shorter each time.
        for (let count = 0; count < total - 10; count += isReset ? 7 : 1) {
          await withWire(upTo(count, side, isReset), async (left, right) => {
            const [client, server] = pairOver(left, right);
            const before = currentLoop().time();
            await taskGroup(async (group) => {
              group.spawn(async () => {
                await rejection(server.receive());
                server.abort();
              });
              const error = await rejection(
                (async () => {
                  await client.handshake();
                  await client.receive();
                })(),
              );
              assert.ok(error instanceof BrokenError, `${count}: ${error}`);
              client.abort();
            });
            assert.equal(currentLoop().time(), before, `${count}: it took until a timeout`);
          });
        }
      }));
  }
}

test("a byte that is changed on the way is an error, never other data", () =>
  virtually(async () => {
    const text = Buffer.from("the quick brown fox jumps over the lazy dog");
    for (let at = 0; at < text.length + 22; at += 3) {
      let isTampering = false;
      const flip: Change = (bytes, from) => {
        if (!isTampering || from !== "left") return bytes;
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 1;
        return changed;
      };
      await withWire(flip, async (left, right) => {
        const [client, server] = pairOver(left, right);
        await shakeHands(client, server);
        isTampering = true;
        await client.send(text);
        client.abort();
        assert.ok((await rejection(readAll(server as never))) instanceof BrokenError, `byte ${at}`);
        server.abort();
      });
    }
  }));

test("a record that was changed on its way is told from a lost connection", () =>
  virtually(() => {
    let isTampering = false;
    return withWire(
      (bytes, from) => (isTampering && from === "left" ? Uint8Array.from(bytes).fill(7, 10, 12) : bytes),
      async (left, right) => {
        const [client, server] = pairOver(left, right);
        await shakeHands(client, server);
        isTampering = true;
        await client.send(Buffer.from("0123456789"));
        const error = await tlsRejection(server.receive());
        assert.equal(error.reason, "damaged", error.message);
        assert.equal((await tlsRejection(server.send(Buffer.from("x")))).reason, "damaged");
        // The other end is told so, by an alert.
        assert.ok((await rejection(client.receive())) instanceof TlsError);
      },
    );
  }));

test("an end without close_notify is truncation: the data first, then the error, and nothing can be sent", () =>
  networked(() =>
    withTlsPair(async (client, server) => {
      await client.send(Buffer.from("half a"));
      await client.transportStream.sendEof();
      assert.equal((await server.receive())?.length, 6);
      for (let round = 0; round < 2; round++) {
        const error = await tlsRejection(server.receive());
        assert.equal(error.reason, "truncated");
        assert.match(error.message, /truncated.*requireCloseNotify: false/);
      }
      assert.equal((await tlsRejection(server.send(Buffer.from("x")))).reason, "truncated");
      await server.close();
    }),
  ));

test("with requireCloseNotify: false an end is an end, and sending goes on", () =>
  networked(() =>
    withTlsPair(
      async (client, server) => {
        await client.send(Buffer.from("all of it"));
        await client.transportStream.sendEof();
        assert.equal(String(await readAll(server)), "all of it");
        await server.send(Buffer.from("answer"));
        assert.equal((await client.receive())?.length, 6);
        await server.close();
      },
      { server: { requireCloseNotify: false } },
    ),
  ));

test("a peer that never answers close_notify is waited for as long as shutdownTimeoutMs says, 3 s by default", async () => {
  for (const [options, ms] of [
    [{ shutdownTimeoutMs: 70 }, 70],
    [{ shutdownTimeoutMs: 0 }, 0],
    [{ requireCloseNotify: false }, 0],
    [{}, 3_000],
  ] as const) {
    await networked(() =>
      withTlsPair(
        async (client, server) => {
          const before = currentLoop().time();
          await client.close();
          assert.equal(currentLoop().time() - before, ms);
          assert.equal(await server.receive(), undefined, "its own close_notify came in any case");
        },
        { client: options },
      ),
    );
  }
});

test("a peer that goes on sending does not hold up a close, and what it sends is dropped", () =>
  networked(() =>
    withTlsPair(async (client, server) => {
      const failure = await rejection(
        taskGroup(async (group) => {
          group.spawn(async () => {
            for (;;) {
              await server.send(Buffer.alloc(50_000));
              await sleep(1);
            }
          });
          await client.close();
          assert.equal(currentLoop().time(), 3_000);
        }),
      );
      assert.ok(failure instanceof BrokenError, String(failure));
    }),
  ));
