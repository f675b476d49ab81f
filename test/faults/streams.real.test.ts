/** Every fault on every kind of stream, on the loops of the real world, with a bystander. */
import test from "node:test";
import { NodeLoop, SelectorLoop } from "coppice/loop";
import { harmless, withBystander } from "../support/faults-guard.ts";
import { faultKinds } from "../support/faults-kinds.ts";
import { rows } from "./stream-rows.ts";

const loops = {
  NodeLoop: () => ({ loop: new NodeLoop(), end: () => {} }),
  SelectorLoop: () => {
    const loop = new SelectorLoop();
    return { loop, end: () => loop.close() };
  },
};

for (const [loopName, make] of Object.entries(loops)) {
  for (const kind of faultKinds) {
    for (const { name, body } of rows) {
      test(`${loopName}, ${kind.name}: ${name}`, () =>
        harmless(async () => {
          const site = await kind.open();
          try {
            await withBystander(site.connect, async () => {
              const [client, server] = await site.connect();
              try {
                await body(client, server, kind);
              } finally {
                client.abort();
                server.abort();
              }
            });
          } finally {
            await site.close();
          }
        }, make()));
    }
  }
}
