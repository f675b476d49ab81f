/**
 * Step 3, generators: local variables and loops are back. A generator yields a future where it would have to wait.
 *
 *   npm run example -- evolution/c003-generator/server --port 8000
 *
 * All waiting is in one function, though: one that is called can yield nothing for its caller. And what a `yield` gives has no type.
 */
import { Socket, SystemError } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { answer, frame, HEADER_BYTES, lengthOf, listeningAt, print } from "../wire.ts";
import { Loop, type Steps } from "./loop.ts";

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
  for (;;) {
    const client = (yield loop.accept(listener)) as Socket;
    loop.createTask(converse(client));
  }
}

function* converse(socket: Socket): Steps {
  using client = socket;
  try {
    for (;;) {
      let received = Buffer.alloc(0);
      let wanted = HEADER_BYTES;
      while (received.length < wanted) {
        const chunk = (yield loop.receive(client, wanted - received.length)) as Uint8Array | undefined;
        if (chunk === undefined) return;
        received = Buffer.concat([received, chunk]);
        if (received.length === HEADER_BYTES) wanted += lengthOf(received);
      }
      let unsent: Uint8Array = frame(answer(received.toString("utf8", HEADER_BYTES)));
      while (unsent.length > 0) unsent = unsent.subarray((yield loop.send(client, unsent)) as number);
    }
  } catch (error) {
    if (!(error instanceof SystemError || error instanceof RangeError)) throw error;
    print(`a connection failed: ${error}`);
  }
}
