/** An echo server on the loop, and of the kind, that its arguments name. */
import { run } from "coppice";
import { NodeLoop, SelectorLoop } from "coppice/loop";
import { type ByteStream, type Listener, listen, listenTls, listenUnix, serve } from "coppice/net";
import { serverContext } from "../tls/identities.ts";

const [loopName, kind, path = ""] = process.argv.slice(2);

async function listenAs(): Promise<Listener<ByteStream>> {
  if (kind === "unix") return listenUnix({ path });
  const listener = kind === "tls" ? await listenTls({ port: 0, context: serverContext() }) : await listen({ port: 0 });
  console.log(`port ${listener.address.port}`);
  return listener;
}

const loop = loopName === "SelectorLoop" ? new SelectorLoop() : new NodeLoop();
await run(
  async () => {
    const listener = await listenAs();
    console.log("listening");
    await serve(listener, async (stream) => {
      for await (const chunk of stream) await stream.send(chunk);
    });
  },
  { loop },
);
