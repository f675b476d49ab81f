/** A stop over real sockets, where closing on unread bytes would be a reset. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, Event, sleep, taskGroup } from "coppice";
import { lengthPrefixed, listen, openTcp } from "coppice/net";
import { serveRpc } from "coppice/rpc";
import { really } from "../support/real.ts";
import { request } from "../support/talk.ts";

const framing = lengthPrefixed();

for (const pauseMs of [0, 1]) {
  test(`a client that goes on sending, and reads ${pauseMs === 0 ? "quickly" : "slowly"}, gets the answers to what was begun, then end-of-file`, () =>
    really(async () => {
      for (let round = 0; round < 10; round++) {
        const listener = await listen({ port: 0 });
        await cancelScope(async (scope) => {
          await taskGroup(async (group) => {
            const begun = new Event();
            const methods = {
              async slow() {
                begun.set();
                await sleep(10);
                return "finished".repeat(1_000);
              },
              foo: () => "ok",
            };
            group.spawn(() => serveRpc(listener, methods));
            await using stream = await openTcp(listener.address);
            await stream.send(framing.encode([request("slow", [], "slow")]));
            let hasEnded = false;
            const sending = group.spawn(async () => {
              const bytes = framing.encode(Array.from({ length: 50 }, (_, id) => request("foo", [], id)));
              while (!hasEnded) {
                await stream.send(bytes);
                await sleep(0);
              }
            });
            await begun.wait();
            scope.stop({ graceMs: 5_000 });
            const heard: unknown[] = [];
            const decoder = framing.decoder();
            for await (const bytes of stream) {
              decoder.push(bytes);
              for (let text = decoder.nextText(); text !== undefined; text = decoder.nextText()) {
                heard.push(JSON.parse(text).id);
              }
              if (pauseMs > 0) await sleep(pauseMs);
            }
            hasEnded = true;
            decoder.end();
            await sending;
            assert.ok(heard.includes("slow"), "the answer was lost");
          });
        });
      }
    }));
}
