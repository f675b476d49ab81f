/**
 * The clients of step 3: a generator each.
 *
 *   npm run example -- evolution/c003-generator/client --port 8000 --clients 3 --beats 3 --heartbeat 500
 */
import type { Socket } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { clientNames, complain, Dialogue, frame, GONE, HEADER_BYTES, lengthOf, print } from "../wire.ts";
import { Loop, type Steps } from "./loop.ts";

const flags = numberFlags({ port: 8_000, clients: 1, beats: 0, heartbeat: 5_000 });
const loop = new Loop();
const clients = clientNames(flags.clients).map((name) => loop.createTask(client(name)));
loop.run();
try {
  for (const each of clients) each.result();
  print("every answer was as expected");
} catch (error) {
  complain(error);
}

function* client(name: string): Steps {
  const dialogue = new Dialogue(name);
  using socket = (yield loop.connect(flags.port)) as Socket;
  for (let asked = 0; flags.beats === 0 || asked <= flags.beats; asked++) {
    if (asked > 0) yield loop.sleep(flags.heartbeat);
    let unsent: Uint8Array = frame(dialogue.request(asked === 0 ? "connect" : "heartbeat"));
    while (unsent.length > 0) unsent = unsent.subarray((yield loop.send(socket, unsent)) as number);
    let received = Buffer.alloc(0);
    let wanted = HEADER_BYTES;
    while (received.length < wanted) {
      const chunk = (yield loop.receive(socket, wanted - received.length)) as Uint8Array | undefined;
      if (chunk === undefined) throw new Error(GONE);
      received = Buffer.concat([received, chunk]);
      if (received.length === HEADER_BYTES) wanted += lengthOf(received);
    }
    dialogue.check(received.toString("utf8", HEADER_BYTES));
  }
}
