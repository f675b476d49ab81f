/**
 * What the streams of `coppice/net` do beyond what every stream must do (the conformance kit checks that): one table, run on memory and on
 * real sockets. No row knows the loop, so none may depend on when bytes arrive, only on that they do.
 */
import assert from "node:assert/strict";
import { BrokenError, BusyError, ClosedError, cancelScope, checkpoint, moveOnAfter, sleep, taskGroup } from "coppice";
import type { ByteStream, SocketStream } from "coppice/net";
import { cancellation, rejection } from "../support/rejection.ts";
import { readAll, readBytes } from "../support/streams.ts";

export interface ContractRow {
  readonly name: string;
  readonly body: (client: SocketStream, server: SocketStream) => Promise<void>;
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const MEGABYTE = 1024 * 1024;

/** Bytes of which each tells its place, so that a gap or a repetition shows. */
function pattern(count: number, from = 0): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let index = 0; index < count; index++) bytes[index] = ((from + index) * 31) % 251;
  return bytes;
}

/** Sends until the stream and what lies under it are full: the next send waits. Returns how much was taken. */
async function fillUp(stream: ByteStream): Promise<number> {
  const size = 64 * 1024;
  let sent = 0;
  // A real system goes on taking for a moment; who polls it learns when it no longer does.
  for (let idle = 0; idle < 20; idle++) {
    while (stream.trySend(pattern(size, sent))) {
      sent += size;
      idle = 0;
      assert.ok(sent <= 64 * MEGABYTE, "the stream takes without bound");
    }
    await sleep(1);
  }
  return sent;
}

export const contract: readonly ContractRow[] = [
  {
    name: "an abort reads as a failure at the other side, never as end-of-file",
    body: async (client, server) => {
      client.abort();
      assert.ok((await rejection(server.receive())) instanceof BrokenError);
    },
  },
  {
    name: "trySend takes nothing, and whatever fits",
    body: async (client, server) => {
      assert.ok(client.trySend(new Uint8Array(0)));
      assert.ok(client.trySend(bytesOf("x")));
      assert.equal(String(await readBytes(server, 1)), "x");
    },
  },
  {
    name: "what is refused says why: sent after sendEof, or while another task is at it",
    body: async (client, server) => {
      const receiving = server.receive();
      // Each call may let the loop have a turn first: only then does it wait.
      await sleep(1);
      assert.match(String(await rejection(server.receive())), /another task is receiving/);
      await client.sendEof();
      assert.match(String(await rejection(client.send(bytesOf("x")))), /sendEof/);
      assert.equal(await receiving, undefined);
      await fillUp(server);
      const sending = rejection(server.send(bytesOf("x")));
      await sleep(1);
      const error = await rejection(server.send(bytesOf("x")));
      assert.ok(error instanceof BusyError);
      assert.match(error.message, /another task is sending/);
      server.abort();
      assert.ok((await sending) instanceof ClosedError);
    },
  },
  {
    name: "a reader that does not read pauses the sender before 32 MiB",
    body: async (client, server) => {
      const sent = await fillUp(client);
      assert.ok(sent < 32 * MEGABYTE, `${sent} bytes were taken that nobody reads`);
      await taskGroup(async (group) => {
        group.spawn(() => client.close());
        assert.ok((await readAll(server)).equals(pattern(sent)));
      });
    },
  },
  {
    name: "the other side's abort is a BrokenError for the receiver, with the system's error as its cause",
    body: async (client, server) => {
      const receiving = rejection(client.receive());
      server.abort();
      const error = await receiving;
      assert.ok(error instanceof BrokenError);
      assert.match(error.message, /^receive from .*: the connection was lost \(.*ECONNRESET/);
      assert.equal((error.cause as { code?: string }).code, "ECONNRESET");
      assert.ok((await rejection(client.receive())) instanceof BrokenError, "and stays one");
      assert.ok((await rejection(client.send(bytesOf("x")))) instanceof BrokenError);
      assert.ok((await rejection(client.sendEof())) instanceof BrokenError);
      assert.equal(client.trySend(bytesOf("x")), false);
    },
  },
  {
    name: "the other side's abort is a BrokenError for a sender that waits",
    body: async (client, server) => {
      await fillUp(client);
      const sending = rejection(client.send(bytesOf("x")));
      server.abort();
      assert.ok((await sending) instanceof BrokenError);
    },
  },
  {
    name: "what arrived before a cancellation is delivered, and the next wait throws",
    body: async (client, server) => {
      const received = await cancelScope(async (scope) => {
        const receiving = server.receive();
        await client.send(bytesOf("x"));
        const bytes = await receiving;
        scope.cancel();
        await cancellation(server.receive());
        return bytes;
      });
      assert.equal(received?.length, 1);
    },
  },
  {
    name: "close in a cancelled scope closes at once and throws the cancellation",
    body: async (client, server) => {
      await fillUp(client);
      await cancelScope(async (scope) => {
        scope.cancel();
        await cancellation(client.close());
      });
      assert.ok((await rejection(client.send(bytesOf("x")))) instanceof ClosedError);
      await client.close();
      assert.ok((await rejection(readAll(server))) instanceof BrokenError);
    },
  },
  {
    name: "a close that is cancelled while it flushes drops the rest and ends",
    body: async (client, server) => {
      await fillUp(client);
      await cancelScope(async (scope) => {
        const closing = cancellation(client.close());
        scope.cancel();
        assert.equal((await closing).scope, scope);
      });
      await client.close();
      assert.ok((await rejection(readAll(server))) instanceof BrokenError);
    },
  },
  {
    name: "a close whose deadline has passed already drops the rest and ends",
    body: async (client, server) => {
      await fillUp(client);
      await moveOnAfter(0, () => client.close());
      await client.close();
      assert.ok((await rejection(readAll(server))) instanceof BrokenError);
    },
  },
  {
    name: "`await using` in a scope that is cancelled closes, and adds nothing to the cancellation",
    body: async (client, server) => {
      await cancelScope(async (scope) => {
        await using stream = client;
        scope.cancel();
        await stream.receive();
      });
      assert.ok((await rejection(client.send(bytesOf("x")))) instanceof ClosedError);
      // There was nothing left to send, so the other side may see a proper end.
      await readAll(server).catch((error) => assert.ok(error instanceof BrokenError));
    },
  },
  {
    name: "each side knows both addresses",
    body: async (client, server) => {
      await checkpoint();
      assert.deepEqual(client.localAddress, server.remoteAddress);
      assert.deepEqual(client.remoteAddress, server.localAddress);
      assert.equal(client.remoteAddress.host, "127.0.0.1");
      assert.ok(client.remoteAddress.port > 0);
    },
  },
];
