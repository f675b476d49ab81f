/**
 * Step 4, delegation: with `yield*` a generator calls another one that waits. The loop is that of step 3, the program that of step 1 again.
 *
 *   npm run example -- evolution/c004-yield-star/server --port 8000
 */
import { Socket, SystemError } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { Loop, type Steps } from "../c003-generator/loop.ts";
import { answer, listeningAt, print } from "../wire.ts";
import { receiveMessage, sendMessage, wait } from "./messages.ts";

const { port } = numberFlags({ port: 8_000 });
const loop = new Loop();
loop.createTask(serve());
loop.run();

function* serve(): Steps {
  using listener = new Socket();
  listener.setOption("reuseAddress", true);
  listener.bind({ host: "127.0.0.1", port });
  listener.listen();
  listener.setBlocking(false);
  print(listeningAt(listener.localAddress));
  for (;;) loop.createTask(converse(yield* wait(loop.accept(listener))));
}

function* converse(socket: Socket): Steps {
  using client = socket;
  try {
    for (;;) {
      const request = yield* receiveMessage(loop, client);
      if (request === undefined) return;
      yield* sendMessage(loop, client, answer(request));
    }
  } catch (error) {
    if (!(error instanceof SystemError || error instanceof RangeError)) throw error;
    print(`a connection failed: ${error}`);
  }
}
