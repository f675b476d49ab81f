/**
 * The clients of step 5: a task each.
 *
 *   npm run example -- evolution/c005-async/client --port 8000 --clients 3 --beats 3 --heartbeat 500
 */
import { sleep } from "coppice";
import { EventLoop, SelectorLoop } from "coppice/loop";
import { Socket } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { clientNames, complain, Dialogue, GONE, print } from "../wire.ts";
import { receiveMessage, sendMessage } from "./messages.ts";

const flags = numberFlags({ port: 8_000, clients: 1, beats: 0, heartbeat: 5_000 });
const loop = new EventLoop(new SelectorLoop());
try {
  await loop.runUntilComplete(async () => {
    const tasks = clientNames(flags.clients).map((name) => loop.createTask(() => client(name)));
    for (const task of tasks) await task;
  });
  print("every answer was as expected");
} catch (error) {
  complain(error);
}

async function client(name: string): Promise<void> {
  const dialogue = new Dialogue(name);
  using socket = new Socket();
  socket.setBlocking(false);
  await loop.sockConnect(socket, { host: "127.0.0.1", port: flags.port });
  await ask(socket, dialogue, "connect");
  for (let beats = 0; flags.beats === 0 || beats < flags.beats; beats++) {
    await sleep(flags.heartbeat);
    await ask(socket, dialogue, "heartbeat");
  }
}

async function ask(socket: Socket, dialogue: Dialogue, method: string): Promise<void> {
  await sendMessage(loop, socket, dialogue.request(method));
  const answer = await receiveMessage(loop, socket);
  if (answer === undefined) throw new Error(GONE);
  dialogue.check(answer);
}
