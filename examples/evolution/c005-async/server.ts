/**
 * Step 5, async and await: the language has become the trampoline, and an event loop from a library makes the calls when a socket is ready.
 *
 *   npm run example -- evolution/c005-async/server --port 8000
 *
 * What is still missing shows in `serve`: a task is created for each client, and nobody holds it. If it failed, nobody would hear of
 * it in time; if `serve` ended, it would go on. Step 6 has task groups for that, and streams in place of the calls.
 */
import { EventLoop, SelectorLoop } from "coppice/loop";
import { Socket, SystemError } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { answer, listeningAt, print } from "../wire.ts";
import { receiveMessage, sendMessage } from "./messages.ts";

const { port } = numberFlags({ port: 8_000 });
const loop = new EventLoop(new SelectorLoop());
await loop.runUntilComplete(serve);

async function serve(): Promise<never> {
  using listener = new Socket();
  listener.setOption("reuseAddress", true);
  listener.bind({ host: "127.0.0.1", port });
  listener.listen();
  listener.setBlocking(false);
  print(listeningAt(listener.localAddress));
  for (;;) {
    const client = await loop.sockAccept(listener);
    loop.createTask(() => converse(client));
  }
}

async function converse(socket: Socket): Promise<void> {
  using client = socket;
  try {
    for (;;) {
      const request = await receiveMessage(loop, client);
      if (request === undefined) return;
      await sendMessage(loop, client, answer(request));
    }
  } catch (error) {
    if (!(error instanceof SystemError || error instanceof RangeError)) throw error;
    print(`a connection failed: ${error}`);
  }
}
