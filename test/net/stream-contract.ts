/**
 * What every byte stream does, whatever carries it: one table of behaviour, run on memory and on real sockets.
 * No row knows the loop, so none may depend on when bytes arrive, only on that they do.
 */
import assert from "node:assert/strict";
import {
  BrokenError,
  BusyError,
  ClosedError,
  cancelScope,
  checkpoint,
  isCancelled,
  moveOnAfter,
  sleep,
  taskGroup,
} from "coppice";
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
export function pattern(count: number, from = 0): Buffer {
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
    name: "what one side sends, the other receives in order, both ways at once",
    body: async (client, server) => {
      await taskGroup(async (group) => {
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as const) {
          group.spawn(async () => {
            for (let at = 0; at < 2 * MEGABYTE; at += 100_003) {
              await from.send(pattern(Math.min(100_003, 2 * MEGABYTE - at), at));
            }
            await from.sendEof();
          });
          group.spawn(async () => assert.ok((await readAll(to)).equals(pattern(2 * MEGABYTE))));
        }
      });
    },
  },
  {
    name: "receive(maxBytes) gives at least one byte, at most that many, and loses none",
    body: async (client, server) => {
      await client.send(pattern(10_000));
      await client.sendEof();
      const chunks: Uint8Array[] = [];
      for (let most = 1; ; most = (most * 2) % 701 || 1) {
        const chunk = await server.receive(most);
        if (chunk === undefined) break;
        assert.ok(chunk.length >= 1 && chunk.length <= most, `${chunk.length} bytes, at most ${most}`);
        chunks.push(chunk);
      }
      assert.ok(Buffer.concat(chunks).equals(pattern(10_000)));
    },
  },
  {
    name: "a receiver that waits gets no more than it asked for, and the rest next",
    body: async (client, server) => {
      const waiting = server.receive(3);
      await client.send(bytesOf("abcdef"));
      assert.equal(String(Buffer.from((await waiting) ?? [])), "abc");
      assert.equal(String(await readBytes(server, 3)), "def");
    },
  },
  {
    name: "a maxBytes that makes no sense is refused and takes nothing",
    body: async (client, server) => {
      await client.send(bytesOf("x"));
      for (const maxBytes of [0, -1, 1.5, NaN, Infinity, "1" as unknown as number]) {
        const error = await rejection(server.receive(maxBytes));
        assert.ok(error instanceof RangeError);
        assert.match(error.message, /maxBytes/);
      }
      assert.equal(String(await readBytes(server, 1)), "x");
    },
  },
  {
    name: "received bytes belong to the receiver and stay as they came",
    body: async (client, server) => {
      await client.send(bytesOf("first"));
      const first = await readBytes(server, 5);
      const held = await (async () => {
        await client.send(bytesOf("second"));
        return await server.receive();
      })();
      held?.fill(0);
      await client.send(bytesOf("third"));
      await readBytes(server, 5 + 6 - (held?.length ?? 0));
      assert.equal(String(first), "first");
      assert.ok(held?.every((byte) => byte === 0));
    },
  },
  {
    name: "sending nothing is legal and is no end-of-file",
    body: async (client, server) => {
      await client.send(new Uint8Array(0));
      assert.ok(client.trySend(new Uint8Array(0)));
      await client.send(bytesOf("x"));
      assert.equal(String(Buffer.from((await server.receive()) ?? [])), "x");
    },
  },
  {
    name: "after sendEof the other side sees end-of-file, again and again, and can still send",
    body: async (client, server) => {
      await client.send(bytesOf("question"));
      await client.sendEof();
      assert.equal(String(await readAll(server)), "question");
      assert.equal(await server.receive(), undefined);
      assert.equal(await server.receive(5), undefined);
      await server.send(bytesOf("answer"));
      await server.sendEof();
      assert.equal(String(await readAll(client)), "answer");
    },
  },
  {
    name: "sendEof twice is once, and sending after it is a ClosedError that names it",
    body: async (client, server) => {
      await client.sendEof();
      await client.sendEof();
      const error = await rejection(client.send(bytesOf("x")));
      assert.ok(error instanceof ClosedError);
      assert.match(error.message, /sendEof/);
      assert.equal(client.trySend(bytesOf("x")), false);
      assert.equal(await server.receive(), undefined);
    },
  },
  {
    name: "after close everything is a ClosedError, and closing again does nothing",
    body: async (client) => {
      await client.close();
      for (const use of [() => client.receive(), () => client.send(bytesOf("x")), () => client.sendEof()]) {
        assert.ok((await rejection(use())) instanceof ClosedError);
      }
      assert.equal(client.trySend(bytesOf("x")), false);
      await client.close();
      client.abort();
      await client.close();
      await client[Symbol.asyncDispose]();
    },
  },
  {
    name: "abort is a close that drops, idempotent as well",
    body: async (client, server) => {
      client.abort();
      client.abort();
      await client.close();
      assert.ok((await rejection(client.receive())) instanceof ClosedError);
      assert.ok((await rejection(client.send(bytesOf("x")))) instanceof ClosedError);
      assert.ok((await rejection(server.receive())) instanceof BrokenError);
    },
  },
  {
    name: "disposing of a stream closes it",
    body: async (client, server) => {
      {
        await using disposed = client;
        await disposed.send(bytesOf("bye"));
      }
      assert.ok((await rejection(client.send(bytesOf("x")))) instanceof ClosedError);
      assert.equal(String(await readAll(server)), "bye");
    },
  },
  {
    name: "close flushes what was sent before",
    body: async (client, server) => {
      await taskGroup(async (group) => {
        const reading = group.spawn(() => readAll(server));
        await client.send(pattern(3 * MEGABYTE));
        await client.close();
        assert.ok((await reading).equals(pattern(3 * MEGABYTE)));
      });
    },
  },
  {
    name: "close gives a blocked receiver ClosedError",
    body: async (client) => {
      const receiving = rejection(client.receive());
      await client.close();
      assert.ok((await receiving) instanceof ClosedError);
    },
  },
  {
    name: "close gives a blocked sender ClosedError, at once",
    body: async (client, server) => {
      await fillUp(client);
      const sending = rejection(client.send(bytesOf("x")));
      const closing = client.close();
      assert.ok((await sending) instanceof ClosedError);
      await readAll(server);
      await closing;
    },
  },
  {
    name: "abort gives a blocked receiver and a blocked sender ClosedError",
    body: async (client) => {
      await fillUp(client);
      const ends = [rejection(client.send(bytesOf("x"))), rejection(client.receive())];
      client.abort();
      for (const error of await Promise.all(ends)) assert.ok(error instanceof ClosedError);
    },
  },
  {
    name: "a second receiver is a BusyError, and the first is not disturbed",
    body: async (client, server) => {
      const first = server.receive();
      const error = await rejection(server.receive());
      assert.ok(error instanceof BusyError);
      assert.match(error.message, /receiving/);
      await client.send(bytesOf("x"));
      assert.equal((await first)?.length, 1);
    },
  },
  {
    name: "a second sender is a BusyError while the first waits, sendEof too, and trySend sends nothing",
    body: async (client, server) => {
      const sent = await fillUp(client);
      const first = client.send(pattern(10, sent));
      const error = await rejection(client.send(bytesOf("x")));
      assert.ok(error instanceof BusyError);
      assert.match(error.message, /sending/);
      assert.ok((await rejection(client.sendEof())) instanceof BusyError);
      assert.equal(client.trySend(bytesOf("x")), false);
      await taskGroup(async (group) => {
        const reading = group.spawn(() => readAll(server));
        await first;
        await client.sendEof();
        assert.ok((await reading).equals(pattern(sent + 10)));
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
    name: "sending to a side that has closed becomes a BrokenError",
    body: async (client, server) => {
      await server.close();
      assert.equal(await client.receive(), undefined);
      const failure = await rejection(
        (async () => {
          for (let round = 0; round < 1_000; round++) {
            await client.send(bytesOf("are you there?"));
            await sleep(1);
          }
        })(),
      );
      assert.ok(failure instanceof BrokenError, String(failure));
    },
  },
  {
    name: "closed on this side wins over broken by the other",
    body: async (client, server) => {
      const receiving = rejection(client.receive());
      server.abort();
      assert.ok((await receiving) instanceof BrokenError);
      await client.close();
      assert.ok((await rejection(client.receive())) instanceof ClosedError);
      assert.ok((await rejection(client.send(bytesOf("x")))) instanceof ClosedError);
    },
  },
  {
    name: "a reader that does not read pauses the sender, and what was sent is all there when it does",
    body: async (client, server) => {
      const sent = await fillUp(client);
      assert.ok(sent < 32 * MEGABYTE, `${sent} bytes were taken that nobody reads`);
      await taskGroup(async (group) => {
        group.spawn(async () => {
          await client.send(pattern(MEGABYTE, sent));
          await client.close();
        });
        assert.ok((await readAll(server)).equals(pattern(sent + MEGABYTE)));
      });
    },
  },
  {
    name: "a send that is cancelled while it waits has sent nothing",
    body: async (client, server) => {
      const sent = await fillUp(client);
      for (let round = 0; round < 3; round++) {
        await cancelScope(async (scope) => {
          const sending = cancellation(client.send(bytesOf("never sent")));
          scope.cancel();
          assert.equal((await sending).scope, scope);
        });
      }
      await taskGroup(async (group) => {
        const reading = group.spawn(() => readAll(server));
        await client.send(pattern(10, sent));
        await client.sendEof();
        assert.ok((await reading).equals(pattern(sent + 10)));
      });
    },
  },
  {
    name: "a receive that is cancelled while it waits loses nothing",
    body: async (client, server) => {
      const chunks: Uint8Array[] = [];
      for (let round = 0; round < 20; round++) {
        await cancelScope(async (scope) => {
          const receiving = server.receive();
          scope.cancel();
          try {
            // On a real network the bytes of the round before may have come by now: then it did not wait, and has them.
            chunks.push((await receiving) ?? assert.fail("an end of file"));
          } catch (error) {
            assert.ok(isCancelled(error) && error.scope === scope, String(error));
          }
        });
        await client.send(pattern(100, round * 100));
      }
      const missing = 2_000 - Buffer.concat(chunks).length;
      chunks.push(await readBytes(server, missing));
      assert.ok(Buffer.concat(chunks).equals(pattern(2_000)));
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
    name: "in a cancelled scope nothing is sent and nothing is taken, room and data or not",
    body: async (client, server) => {
      await client.send(bytesOf("kept"));
      await cancelScope(async (scope) => {
        scope.cancel();
        await cancellation(client.send(bytesOf("not sent")));
        await cancellation(client.sendEof());
        await cancellation(server.receive());
      });
      await client.sendEof();
      assert.equal(String(await readAll(server)), "kept");
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
    name: "leaving a loop over a stream leaves it open",
    body: async (client, server) => {
      await client.send(bytesOf("a"));
      for await (const chunk of server) {
        assert.equal(chunk.length, 1);
        break;
      }
      await client.send(bytesOf("b"));
      for await (const chunk of server) {
        assert.equal(String(Buffer.from(chunk)), "b");
        break;
      }
      await server.send(bytesOf("c"));
      assert.equal(String(await readBytes(client, 1)), "c");
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
