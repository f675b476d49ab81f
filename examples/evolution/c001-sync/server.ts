/**
 * Step 1, blocking calls: the shortest server there is, and it serves one client at a time.
 *
 *   npm run example -- evolution/c001-sync/server --port 8000
 *
 * A second client is accepted when the first has gone. While the thread waits in `accept` or `recv` it does nothing else, so
 * no handler of Ctrl-C could run: the system ends the process where it stands.
 */
import { Socket, SystemError } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { answer, listeningAt, print } from "../wire.ts";
import { receiveMessage, sendMessage } from "./messages.ts";

const { port } = numberFlags({ port: 8_000 });

using listener = new Socket();
listener.setOption("reuseAddress", true);
listener.bind({ host: "127.0.0.1", port });
listener.listen();
print(listeningAt(listener.localAddress));
for (;;) {
  using client = listener.accept();
  try {
    converse(client);
  } catch (error) {
    if (!(error instanceof SystemError || error instanceof RangeError)) throw error;
    print(`a connection failed: ${error}`);
  }
}

function converse(client: Socket): void {
  for (let request = receiveMessage(client); request !== undefined; request = receiveMessage(client)) {
    sendMessage(client, answer(request));
  }
}
