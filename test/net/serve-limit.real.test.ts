/** A limit of connections with the system's sockets, whose connections all come at once. */
import assert from "node:assert/strict";
import test from "node:test";
import { Event, sleep, taskGroup } from "coppice";
import { listen, openTcp, serve } from "coppice/net";
import { really } from "../support/real.ts";
import { readAll } from "../support/streams.ts";

test("a thousand connections at once against a limit of twenty are all served, never more than twenty at a time", () =>
  really(async () => {
    const listener = await listen({ port: 0 });
    let active = 0;
    let most = 0;
    const full = new Event();
    await taskGroup(async (group) => {
      group.spawn(() =>
        serve(
          listener,
          async (stream) => {
            most = Math.max(most, ++active);
            // The first twenty wait for each other: so many are let in.
            if (active === 20) full.set();
            await full.wait();
            await stream.send(await readAll(stream));
            await sleep(1);
            active--;
          },
          { maxConnections: 20 },
        ),
      );
      await taskGroup(async (clients) => {
        const streams = await Promise.all(
          Array.from({ length: 1_000 }, () => clients.spawn(() => openTcp(listener.address))),
        );
        for (const [index, stream] of streams.entries()) {
          clients.spawn(async () => {
            await stream.send(Buffer.from(`client ${index}`));
            await stream.sendEof();
            assert.equal(String(await readAll(stream)), `client ${index}`);
            await stream.close();
          });
        }
      });
      await listener.close();
    });
    assert.equal(most, 20);
  }));
