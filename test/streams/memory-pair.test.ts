/** Pairs of streams in memory. That they keep the contract of streams is checked by the conformance kit. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, DeadlockError, moveOnAfter, run, taskGroup } from "coppice";
import { memoryPair } from "coppice/net";
import { virtualRun } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("both ends hold back a sender at the marks of a connection", () =>
  virtually(async () => {
    const [client] = memoryPair();
    let sent = 0;
    await moveOnAfter(1_000, async () => {
      for (;;) {
        await client.send(new Uint8Array(16 * 1024));
        sent += 16 * 1024;
      }
    });
    assert.ok(sent >= 256 * 1024 && sent <= (256 + 128) * 1024, `${sent} bytes were taken`);
  }));

test("an abort reads as a failure at the other end", () =>
  virtually(async () => {
    const [client, server] = memoryPair();
    client.abort();
    const error = await rejection(server.receive());
    assert.ok(error instanceof BrokenError);
    assert.match(error.message, /connection was lost \(.*ECONNRESET/);
  }));

test("with a seed, what arrives in the same turn arrives in an order drawn from it, and again in the same one", async () => {
  const order = (seed: number): Promise<string> =>
    virtualRun(
      () =>
        taskGroup(async (group) => {
          let log = "";
          for (const name of "abcdef") {
            const [client, server] = memoryPair();
            group.spawn(async () => {
              await server.receive();
              log += name;
            });
            await client.send(Uint8Array.of(1));
          }
          return () => log;
        }).then((log) => log()),
      { seed },
    );
  const orders = await Promise.all([1, 2, 3, 4, 5].map(order));
  assert.ok(new Set(orders).size > 1, orders.join(" "));
  assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map(order)), orders);
});

test("a receive that nobody will ever answer is a deadlock, on the virtual loop", async () => {
  const error = await rejection(virtualRun(() => memoryPair()[0].receive()));
  assert.ok(error instanceof DeadlockError);
});

test("pairs work in a real run and outside of every run, and nothing need be closed", async () => {
  const talk = async (): Promise<void> => {
    const [client, server] = memoryPair();
    await client.send(Buffer.from("hello"));
    assert.equal(String(Buffer.from((await server.receive()) ?? [])), "hello");
  };
  await run(talk);
  await talk();
});
