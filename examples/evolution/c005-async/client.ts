/**
 * The clients of step 5.
 *
 *   npm run example -- evolution/c005-async/client --port 8000 --clients 3 --beats 3 --heartbeat 500
 */
import type { Socket } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { clientNames, complain, Dialogue, GONE, print } from "../wire.ts";
import { Loop } from "./loop.ts";
import { receiveMessage, sendMessage } from "./messages.ts";

const flags = numberFlags({ port: 8_000, clients: 1, beats: 0, heartbeat: 5_000 });
const loop = new Loop();
const clients = Promise.all(clientNames(flags.clients).map(client));
try {
  await Promise.all([clients, loop.run()]);
  print("every answer was as expected");
} catch (error) {
  complain(error);
}

async function client(name: string): Promise<void> {
  const dialogue = new Dialogue(name);
  using socket = await loop.connect(flags.port);
  await ask(socket, dialogue, "connect");
  for (let beats = 0; flags.beats === 0 || beats < flags.beats; beats++) {
    await loop.sleep(flags.heartbeat);
    await ask(socket, dialogue, "heartbeat");
  }
}

async function ask(socket: Socket, dialogue: Dialogue, method: string): Promise<void> {
  await sendMessage(loop, socket, dialogue.request(method));
  const answer = await receiveMessage(loop, socket);
  if (answer === undefined) throw new Error(GONE);
  dialogue.check(answer);
}
