/**
 * Step 5, async and await, on a loop's socket calls.
 *
 *   npm run example -- evolution/c005-async/server --port 8000
 *
 * What is still missing shows in `serve`: a conversation is started, and nobody holds it. If it failed, nobody would hear of it; if the
 * server ended, it would go on. Step 6 has task groups for that.
 */
import { Socket, SystemError } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { answer, listeningAt, print } from "../wire.ts";
import { Loop } from "./loop.ts";
import { receiveMessage, sendMessage } from "./messages.ts";

const { port } = numberFlags({ port: 8_000 });
const loop = new Loop();
void serve();
await loop.run();

async function serve(): Promise<void> {
  using listener = new Socket();
  listener.setOption("reuseAddress", true);
  listener.bind({ host: "127.0.0.1", port });
  listener.listen();
  listener.setBlocking(false);
  print(listeningAt(listener.localAddress));
  for (;;) void converse(await loop.accept(listener));
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
