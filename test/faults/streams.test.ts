/** Every fault on every kind of stream, in virtual time, in several drawn orders, with a bystander. */
import test from "node:test";
import { withTimeout } from "coppice";
import { withBystander } from "../support/faults-guard.ts";
import { faultKinds } from "../support/faults-kinds.ts";
import { networked } from "../support/network.ts";
import { rows } from "./stream-rows.ts";

for (const kind of faultKinds) {
  for (const { name, body } of rows) {
    test(`${kind.name}: ${name}`, async () => {
      for (const options of [{}, { seed: 1 }, { seed: 2 }]) {
        await networked(
          () =>
            withTimeout(60_000, async () => {
              const site = await kind.open();
              await withBystander(site.connect, async () => {
                const [client, server] = await site.connect();
                await body(client, server, kind);
                client.abort();
                server.abort();
              });
              await site.close();
            }),
          options,
        );
      }
    });
  }
}
