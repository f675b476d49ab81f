/**
 * The clients of step 4.
 *
 *   npm run example -- evolution/c004-yield-star/client --port 8000 --clients 3 --beats 3 --heartbeat 500
 */
import type { Socket } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { Loop, type Steps } from "../c003-generator/loop.ts";
import { clientNames, complain, Dialogue, GONE, print } from "../wire.ts";
import { receiveMessage, sendMessage, wait } from "./messages.ts";

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
  using socket = yield* wait(loop.connect(flags.port));
  yield* ask(socket, dialogue, "connect");
  for (let beats = 0; flags.beats === 0 || beats < flags.beats; beats++) {
    yield* wait(loop.sleep(flags.heartbeat));
    yield* ask(socket, dialogue, "heartbeat");
  }
}

function* ask(socket: Socket, dialogue: Dialogue, method: string): Steps {
  yield* sendMessage(loop, socket, dialogue.request(method));
  const answer = yield* receiveMessage(loop, socket);
  if (answer === undefined) throw new Error(GONE);
  dialogue.check(answer);
}
