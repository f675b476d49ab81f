/** Cancelled in the handshake, a send, a receive, a close: before, during, in the same tick, shielded, nested. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, BusyError, type CancelScope, ClosedError, cancelScope, shield, sleep, taskGroup } from "coppice";
import { type ByteStream, memoryPair, type TlsStream, tlsClient, tlsServer } from "coppice/net";
import { lockstepPair } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { networked } from "../support/network.ts";
import { assertCancelledBy, cancellation, rejection } from "../support/rejection.ts";
import { readAll, readBytes } from "../support/streams.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";
import { clientContext, serverContext } from "./identities.ts";
import { shakeHands, type TlsSocket, withNewTlsPair, withTlsPair } from "./pairs.ts";

const trusting = clientContext();
const serving = serverContext();
const word = Buffer.from("word");

function over(below: readonly [ByteStream, ByteStream]): [TlsStream, TlsStream] {
  return [
    tlsClient(below[0], { context: trusting, serverName: "localhost" }),
    tlsServer(below[1], { context: serving }),
  ];
}

/** Each wait of a stream that has a peer who does nothing. */
const waits: readonly [name: string, wait: (stream: TlsSocket) => Promise<unknown>][] = [
  ["handshake", (stream) => stream.handshake()],
  ["receive", (stream) => stream.receive()],
  ["send", (stream) => stream.send(word)],
  ["sendEof", (stream) => stream.sendEof()],
];

for (const [name, wait] of waits) {
  test(`${name}, waiting for the handshake: cancelled before, it has no effect`, () =>
    networked((network) =>
      withNewTlsPair(async (client) => {
        await cancelScope(async (scope) => {
          scope.cancel();
          await assertCancelledBy(scope, wait(client));
        });
        assert.deepEqual(network.of("client")[0]?.writes, [], "nothing was said");
      }),
    ));

  test(`${name}, waiting for the handshake: cancelled during it, whoever comes next goes on with it`, () =>
    networked(() =>
      withNewTlsPair(async (client, server) => {
        for (let round = 0; round < 3; round++) {
          await cancelScope(async (scope) => {
            const waiting = assertCancelledBy(scope, wait(client));
            await sleep(1);
            scope.cancel();
            await waiting;
          });
        }
        await taskGroup(async (group) => {
          group.spawn(() => server.send(word));
          assert.equal(String(await readBytes(client, 4)), "word");
          await client.send(word);
          assert.equal(String(await readBytes(server, 4)), "word");
        });
      }),
    ));

  test(`${name}, waiting for the handshake: shielded, it goes on; in an outer cancelled scope, the outer one is named`, () =>
    networked(() =>
      withNewTlsPair(async (client, server) => {
        await cancelScope(async (outer) => {
          const inner = cancelScope(async () => assertCancelledBy(outer, wait(client)));
          await sleep(1);
          outer.cancel();
          await inner;
        });
        await taskGroup(async (group) => {
          group.spawn(async () => {
            await sleep(1);
            await server.send(word);
          });
          await cancelScope(async (scope) => {
            scope.cancel();
            await shield(() => wait(client));
          });
          group.cancelAll();
        });
      }),
    ));

  test(`${name}, waiting for the handshake: abandoned and cancelled, it raises nothing`, async () => {
    const strays = await unhandledDuring(() =>
      networked(() =>
        withNewTlsPair(async (client) => {
          await cancelScope(async (scope) => {
            void wait(client);
            await sleep(1);
            scope.cancel();
          });
          await sleep(1);
        }),
      ),
    );
    assert.deepEqual(strays, []);
  });
}

test("a receive that is woken and cancelled in one tick has its bytes, or leaves them for the next", () =>
  networked(() =>
    withTlsPair(async (client, server) => {
      await taskGroup(async (group) => {
        const one = attempt(group, () => client.receive());
        await sleep(1);
        await server.send(word);
        // The bytes are on their way and arrive in this turn.
        for (let turn = 0; turn < 3 && one.outcome === "pending"; turn++) await sleep(0);
        one.scope.cancel();
        await one.over;
        const rest = one.outcome === "cancelled" ? await readBytes(client, 4) : one.outcome;
        assert.equal(String(Buffer.from(rest as Uint8Array)), "word");
      });
    }),
  ));

test("cancelled in the middle of a record, a receive loses nothing", () =>
  virtually(async () => {
    const [left, right] = memoryPair();
    const [toClient, onWire] = memoryPair();
    const client = tlsClient(toClient, { context: trusting, serverName: "localhost" });
    const server = tlsServer(right, { context: serving });
    await taskGroup(async (group) => {
      group.spawn(() => relay(onWire, left), { background: true });
      group.spawn(() => drip(left, onWire), { background: true });
      group.spawn(async () => {
        await server.send(Buffer.from("one word after the other"));
        await server.sendEof();
      });
      const chunks: Uint8Array[] = [];
      for (let isOver = false; !isOver; ) {
        await cancelScope(
          async () => {
            const chunk = await client.receive();
            if (chunk === undefined) isOver = true;
            else chunks.push(chunk);
          },
          { deadline: 0 },
        );
        await cancelScope(async (scope) => {
          const receiving = client.receive().then(
            (chunk) => {
              if (chunk === undefined) isOver = true;
              else chunks.push(chunk);
            },
            () => {},
          );
          await sleep(3);
          scope.cancel();
          await receiving;
        });
      }
      assert.equal(String(Buffer.concat(chunks)), "one word after the other");
    });
    for (const end of [client, server, left, right, toClient, onWire]) end.abort();
  }));

async function relay(from: ByteStream, to: ByteStream): Promise<void> {
  for await (const bytes of from) await to.send(bytes);
}

/** Passes on a few bytes at a time, with pauses. */
async function drip(from: ByteStream, to: ByteStream): Promise<void> {
  for (let bytes = await from.receive(40); bytes !== undefined; bytes = await from.receive(40)) {
    await to.send(bytes);
    await sleep(2);
  }
}

test("where the stream below takes nothing without waiting, a send that is cut short poisons, and the peer sees truncation", () =>
  virtually(async () => {
    const [client, server] = over(lockstepPair());
    await shakeHands(client, server);
    await taskGroup(async (group) => {
      // The tickets of the server are in the way of nothing here: they are read first.
      const reading = group.spawn(() => rejection(readAll(client as never)));
      await server.send(word);
      const failure = await cancelScope(async (scope) => {
        const sending = cancellation(client.send(word));
        await sleep(1);
        scope.cancel();
        return sending;
      });
      assert.ok(failure);
      const error = await rejection(client.send(word));
      assert.ok(error instanceof BrokenError);
      assert.match(error.message, /an earlier send was cut short/);
      assert.equal(client.trySend(word), false);
      const heard = rejection(server.receive());
      client.abort();
      assert.ok((await heard) instanceof BrokenError);
      await reading;
      server.abort();
    });
  }));

test("over a stream without any buffer nothing is sent without waiting, and trySend says so", () =>
  virtually(async () => {
    const [client, server] = over(lockstepPair());
    await shakeHands(client, server);
    assert.equal(client.trySend(word), false);
    assert.equal(server.trySend(word), false);
    client.abort();
    server.abort();
  }));

test("both ends at once, over a stream without any buffer", () =>
  virtually(async () => {
    const [client, server] = over(lockstepPair());
    await taskGroup(async (group) => {
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        group.spawn(async () => {
          for (let round = 0; round < 20; round++) await from.send(Buffer.alloc(10_000, round));
          await from.sendEof();
        });
        group.spawn(async () => assert.equal((await readAll(to as never)).length, 200_000));
      }
    });
    await taskGroup(async (group) => {
      group.spawn(() => client.close());
      await server.close();
    });
  }));

test("a close that is cancelled while it waits for close_notify ends the connection now", () =>
  networked(() =>
    withTlsPair(async (client, server) => {
      await cancelScope(async (scope: CancelScope) => {
        const closing = assertCancelledBy(scope, client.close());
        await sleep(10);
        scope.cancel();
        await closing;
      });
      assert.equal(await server.receive(), undefined, "close_notify had come before");
      assert.ok((await rejection(client.receive())) instanceof ClosedError);
      await client.close();
    }),
  ));

test("two who close at once both wait; an abort lets both go", () =>
  networked(() =>
    withTlsPair(async (client) => {
      await taskGroup(async (group) => {
        const closers = [group.spawn(() => client.close()), group.spawn(() => client.close())];
        await sleep(10);
        client.abort();
        for (const closer of closers) await closer;
      });
    }),
  ));

test("a close in the middle of the handshake lets go of everybody", () =>
  networked(() =>
    withNewTlsPair(async (client) => {
      const ends = [rejection(client.receive()), rejection(client.send(word)), rejection(client.handshake())];
      await sleep(1);
      await client.close();
      for (const error of await Promise.all(ends)) assert.ok(error instanceof ClosedError, String(error));
    }),
  ));

test("two senders, and two receivers, in the handshake: the second is a BusyError", () =>
  networked(() =>
    withNewTlsPair(async (client, server) => {
      const [sending, receiving] = [client.send(word), client.receive()];
      assert.ok((await rejection(client.send(word))) instanceof BusyError);
      assert.ok((await rejection(client.sendEof())) instanceof BusyError);
      assert.ok((await rejection(client.receive())) instanceof BusyError);
      await server.send(word);
      assert.equal((await receiving)?.length, 4);
      await sending;
    }),
  ));
