/** The echo server on Coppice's streams, as a user would write it: a task for each connection, backpressure and all. Takes the loop's name. */

import { run } from "coppice";
import { listen, serve } from "coppice/net";
import { announce } from "./announce.ts";
import { chosenLoop } from "./chosen-loop.ts";

await run(
  async () => {
    const listener = await listen({ host: "127.0.0.1", port: 0 });
    announce(listener.address);
    await serve(listener, async (stream) => {
      for await (const chunk of stream) await stream.send(chunk);
    });
  },
  { loop: await chosenLoop() },
);
