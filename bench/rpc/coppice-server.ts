/** Coppice's JSON-RPC server, as a user would write it: every default in place, a task for each request. */

import { run } from "../../src/index.ts";
import { listen } from "../../src/net.ts";
import { serveRpc } from "../../src/rpc.ts";
import { announce } from "./serving.ts";

await run(async () => {
  const listener = await listen({ host: "127.0.0.1", port: 0 });
  announce(listener.address.port);
  await serveRpc(listener, { foo: () => "ok" });
});
