/** What Node's sockets read into is shared, or changes while they read: no chunk is ever written over, whoever keeps it for however long. */
import assert from "node:assert/strict";
import test from "node:test";
import { taskGroup } from "coppice";
import { listen, openTcp, type SocketStream } from "coppice/net";
import { seededRandom } from "../../src/loops/virtual/random.ts";
import { really } from "../support/real.ts";

/** More than may have a buffer of their own for large reads. */
const CONNECTIONS = 100;
const ROUNDS = 12;

/** Bytes that say whose they are, and which. */
function bytesOf(connection: number, from: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let index = 0; index < count; index++) bytes[index] = ((from + index) * 7 + connection * 13) % 251;
  return bytes;
}

test("small and large reads in any order, on many sockets at once: every chunk that was kept is as it came", () =>
  really(async () => {
    const random = seededRandom(7);
    const sizes = [1, 100, 5_000, 8_192, 16_384, 70_000, 300_000];
    const kept = Array.from({ length: CONNECTIONS }, (): Uint8Array[] => []);
    const sent = new Array<number>(CONNECTIONS).fill(0);
    await taskGroup(async (group) => {
      await using listener = await listen({ port: 0 });
      const streams: SocketStream[] = [];
      for (let index = 0; index < CONNECTIONS; index++) {
        const client = await openTcp(listener.address);
        streams.push(client);
        const server = await listener.accept();
        group.spawn(async () => {
          await using _ = server;
          for await (const chunk of server) kept[index]?.push(chunk);
        });
      }
      for (let round = 0; round < ROUNDS; round++) {
        const sends = streams.map((stream, index) => {
          const size = sizes[Math.floor(random() * sizes.length)] as number;
          const bytes = bytesOf(index, sent[index] as number, size);
          sent[index] = (sent[index] as number) + size;
          return group.spawn(() => stream.send(bytes));
        });
        for (const send of sends) await send;
        // Some come and go, and others take what they leave.
        if (round % 4 === 3) await new Promise(setImmediate);
      }
      for (const stream of streams) await stream.close();
    });
    for (const [index, chunks] of kept.entries()) {
      const received = Buffer.concat(chunks);
      assert.equal(received.length, sent[index]);
      assert.ok(received.equals(bytesOf(index, 0, received.length)), `connection ${index} has foreign bytes`);
    }
  }));

test("who is told of a large read may open and abort sockets right there", () =>
  really(async () => {
    await using listener = await listen({ port: 0 });
    for (let round = 0; round < 5; round++) {
      await taskGroup(async (group) => {
        await using client = await openTcp(listener.address);
        await using server = await listener.accept();
        const bytes = bytesOf(round, 0, 400_000);
        group.spawn(() => client.send(bytes));
        const chunks: Uint8Array[] = [];
        for (let left = bytes.length; left > 0; ) {
          const chunk = (await server.receive()) as Uint8Array;
          const other = await openTcp(listener.address);
          (await listener.accept()).abort();
          other.abort();
          chunks.push(chunk);
          left -= chunk.length;
        }
        assert.ok(Buffer.concat(chunks).equals(bytes));
      });
    }
  }));
