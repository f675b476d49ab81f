/**
 * What may go wrong with a connection, as a table: run on every kind of stream and every loop. Each row is given a pair, of which the client is
 * ours to look at and the server is the peer that does the harm. What is left open is aborted afterwards.
 */
import assert from "node:assert/strict";
import { BrokenError, cancelScope, currentLoop, sleep, taskGroup, withTimeout } from "coppice";
import type { ByteStream } from "coppice/net";
import type { FaultKind } from "../support/faults-kinds.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import {
  assertBroken,
  assertBusy,
  assertClosed,
  assertTimedOut,
  bytesOf,
  fill,
  flood,
  pattern,
  readAll,
  textOf,
} from "./streams-at-work.ts";

interface Row {
  readonly name: string;
  readonly body: (client: ByteStream, server: ByteStream, kind: FaultKind) => Promise<void>;
}

const MOMENT_MS = 10;

export const rows: readonly Row[] = [
  {
    name: "a send that is cancelled while the pipe is full sends nothing of itself, and what was sent before arrives",
    async body(client, server) {
      const sent = await fill(client);
      await taskGroup(async (group) => {
        group.spawn(() => client.close());
        assert.ok((await readAll(server)).equals(pattern(sent)));
      });
    },
  },
  {
    name: "a receive that is cancelled loses nothing, at whatever moment",
    async body(client, server) {
      const received: Uint8Array[] = [];
      for (let round = 0; round < 20; round++) {
        const chunk = await cancelScope(async (scope) => {
          const receiving = client.receive();
          await server.send(bytesOf(`${round};`));
          for (let turn = 0; turn < round % 5; turn++) await currentLoop().breathe();
          scope.cancel();
          return await receiving;
        });
        if (chunk !== undefined) received.push(chunk);
      }
      await server.sendEof();
      received.push(await readAll(client));
      assert.equal(String(Buffer.concat(received)), Array.from({ length: 20 }, (_, round) => `${round};`).join(""));
    },
  },
  {
    name: "a peer that resets is a BrokenError for who sends, and for every later send",
    async body(client, server) {
      const sending = rejection(flood(client));
      await server.receive();
      server.abort();
      assertBroken(await sending, "send");
      assertBroken(await rejection(client.send(bytesOf("x"))), "send");
      assertBroken(await rejection(client.sendEof()), "send");
      assert.equal(client.trySend(bytesOf("x")), false);
    },
  },
  {
    name: "a peer that resets is a BrokenError for who receives, and for every later receive",
    async body(client, server, { knowsReset }) {
      const receiving = client.receive().catch((error: unknown) => error);
      server.abort();
      for (const outcome of [await receiving, await client.receive().catch((error: unknown) => error)]) {
        if (knowsReset || outcome !== undefined) assertBroken(outcome, "receive");
      }
    },
  },
  {
    name: "what came before a reset is had first, then the reset",
    async body(client, server, { knowsReset }) {
      await server.send(pattern(1_000));
      // Of what has not been read, real sockets may drop all when a reset comes.
      const first = await client.receive(600);
      server.abort();
      const chunks = [first ?? new Uint8Array(0)];
      const outcome = await collect(client, chunks);
      const came = Buffer.concat(chunks);
      assert.ok(came.length > 0 && came.equals(pattern(1_000).subarray(0, came.length)));
      if (knowsReset || outcome !== undefined) assertBroken(outcome, "receive");
    },
  },
  {
    name: "a peer that resets an idle connection is told to whoever uses it next",
    async body(client, server) {
      server.abort();
      await sleep(MOMENT_MS);
      assertBroken(await rejection(flood(client)), "send");
      await client.close();
      await client.close();
      assertClosed(await rejection(client.receive()), "receive from");
    },
  },
  {
    name: "a peer that resets while this side closes ends the close, which throws nothing",
    async body(client, server) {
      await fill(client);
      const closing = client.close();
      await sleep(MOMENT_MS);
      server.abort();
      await closing;
      assertClosed(await rejection(client.send(bytesOf("x"))), "send to");
    },
  },
  {
    name: "a peer that never reads is bounded by a timeout, for a send and for a close, and the close has closed",
    async body(client) {
      assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => flood(client))), MOMENT_MS);
      await fill(client);
      assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => client.close())), MOMENT_MS);
      assertClosed(await rejection(client.send(bytesOf("x"))), "send to");
      assertClosed(await rejection(client.receive()), "receive from");
      await client.close();
    },
  },
  {
    name: "a peer that never reads does not hold up an abort, nor a close that is cancelled",
    async body(client, server) {
      await fill(client);
      await cancelScope(async (scope) => {
        const closing = cancellation(client.close());
        scope.cancel();
        assert.equal((await closing).scope, scope);
      });
      await client.close();
      await fill(server).catch((error) => assertBroken(error, "send"));
      server.abort();
      await server.close();
    },
  },
  {
    name: "a peer that never says anything is bounded by a timeout, and both go on afterwards",
    async body(client, server) {
      assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => client.receive())), MOMENT_MS);
      await server.send(bytesOf("late"));
      assert.equal(textOf(await client.receive()), "late");
    },
  },
  {
    name: "a peer that sends for ever is held back by a reader that is slow",
    async body(client, server) {
      const taken = await fill(server);
      assert.ok(taken < 64 * 1024 * 1024, `${taken} bytes were taken that nobody reads`);
      const first = (await client.receive(1_000)) as Uint8Array;
      assert.ok(pattern(first.length).equals(first));
    },
  },
  {
    name: "a peer that sends for ever does not hold up a close, and hears of it",
    async body(client, server) {
      const flooding = rejection(flood(server));
      await client.receive();
      await client.close();
      assertBroken(await flooding, "send");
      await server.close();
    },
  },
  {
    name: "two that send for ever and never read close at once, and come to an end",
    async body(client, server) {
      await Promise.all([fill(client), fill(server)]);
      await Promise.all([client, server].map((stream) => withTimeout(5_000, () => stream.close())));
      for (const stream of [client, server]) assertClosed(await rejection(stream.receive()), "receive from");
    },
  },
  {
    name: "two that close at once, or abort at once, throw nothing",
    async body(client, server) {
      await Promise.all([client.send(bytesOf("unread")), server.send(bytesOf("unread"))]);
      await Promise.all([client.close(), server.close(), client.close()]);
      for (const stream of [client, server, client]) stream.abort();
    },
  },
  ...(["close", "abort"] as const).map((how) => ({
    name: `${how} wakes who sends and who receives with ClosedError, also when it is a callback that does it`,
    async body(client: ByteStream, _server: ByteStream): Promise<void> {
      await fill(client);
      const sending = rejection(flood(client));
      const receiving = rejection(client.receive());
      const loop = currentLoop();
      let closing: Promise<void> | undefined;
      loop.callAt(loop.time() + 1, () => {
        if (how === "abort") client.abort();
        else closing = client.close();
      });
      assertClosed(await sending, "send to");
      assertClosed(await receiving, "receive from");
      client.abort();
      await closing;
    },
  })),
  {
    name: "who is in the middle of a loop over a stream may abort it, and the loop says that it was closed here",
    async body(client, server) {
      await server.send(pattern(100_000));
      const error = await rejection(
        (async () => {
          for await (const chunk of client) if (chunk.length > 0) client.abort();
        })(),
      );
      assertClosed(error, "receive from");
    },
  },
  {
    name: "a second user of one direction is busy, and the first one is not disturbed",
    async body(client, server) {
      const receiving = client.receive();
      assertBusy(await rejection(client.receive()), "receiving from");
      await server.send(bytesOf("for the first"));
      assert.equal(textOf(await receiving), "for the first");
      const sent = await fill(client);
      await taskGroup(async (group) => {
        group.spawn(async () => {
          await client.send(pattern(100, sent));
          await client.close();
        });
        await sleep(0);
        const second = await client.send(bytesOf("x")).catch((error: unknown) => error);
        assertBusy(second, "sending to");
        assert.ok((await readAll(server)).equals(pattern(sent + 100)));
      });
    },
  },
  {
    name: "a group that fails takes its sender, its receiver and its closer with it",
    async body(client, server) {
      const boom = new Error("boom");
      const error = await rejection(
        taskGroup(async (group) => {
          group.spawn(() => flood(client));
          group.spawn(() => client.receive());
          group.spawn(async () => {
            await fill(server);
            await server.close();
          });
          await sleep(MOMENT_MS);
          throw boom;
        }),
      );
      assert.equal(error, boom);
    },
  },
  {
    name: "a peer that half closes and then resets leaves nothing waiting",
    async body(client, server) {
      await server.sendEof();
      assert.equal(await client.receive(), undefined);
      server.abort();
      assertBroken(await rejection(flood(client)), "send");
      const outcome = await client.receive().catch((error: unknown) => error);
      assert.ok(outcome === undefined || outcome instanceof BrokenError, String(outcome));
    },
  },
];

/** Receives to the end; gives what that was: `undefined`, or an error. */
async function collect(stream: ByteStream, into: Uint8Array[]): Promise<unknown> {
  try {
    for await (const chunk of stream) into.push(chunk);
    return undefined;
  } catch (error) {
    return error;
  }
}
