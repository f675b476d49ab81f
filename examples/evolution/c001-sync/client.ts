/**
 * The client of step 1: it asks, waits for the answer, sleeps, and asks again.
 *
 *   npm run example -- evolution/c001-sync/client --port 8000 --beats 3 --heartbeat 500
 */
import { Socket } from "coppice/selector";
import { numberFlags } from "../../flags.ts";
import { complain, Dialogue, GONE, print } from "../wire.ts";
import { receiveMessage, sendMessage } from "./messages.ts";

const flags = numberFlags({ port: 8_000, beats: 0, heartbeat: 5_000 });

try {
  using socket = new Socket();
  socket.connect({ host: "127.0.0.1", port: flags.port });
  const dialogue = new Dialogue();
  ask(socket, dialogue, "connect");
  for (let beats = 0; flags.beats === 0 || beats < flags.beats; beats++) {
    sleep(flags.heartbeat);
    ask(socket, dialogue, "heartbeat");
  }
  print("every answer was as expected");
} catch (error) {
  complain(error);
}

function ask(socket: Socket, dialogue: Dialogue, method: string): void {
  sendMessage(socket, dialogue.request(method));
  const answer = receiveMessage(socket);
  if (answer === undefined) throw new Error(GONE);
  dialogue.check(answer);
}

/** Blocks the thread, as everything does here. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
