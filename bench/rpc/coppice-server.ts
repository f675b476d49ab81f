/** Coppice's JSON-RPC server, as a user would write it: every default in place, a task for each request. */

import { run } from "coppice";
import { listen } from "coppice/net";
import { serveRpc } from "coppice/rpc";
import { announce } from "./serving.ts";

await run(async () => {
  const listener = await listen({ host: "127.0.0.1", port: 0 });
  announce(listener.address.port);
  await serveRpc(listener, { foo: () => "ok" });
});
