/** The clients of step 2, as callbacks on a loop. */
import { Socket, WouldBlockError } from "coppice/selector";
import { Dialogue, GONE } from "../wire.ts";
import { Connection } from "./connection.ts";
import type { Loop } from "./loop.ts";

export interface ClientOptions {
  readonly port: number;
  /** Stands before what it prints. */
  readonly name: string;
  /** How many beats it sends; 0 is no end. */
  readonly beats: number;
  readonly heartbeatMs: number;
}

/** Connects, asks, and asks again. `ended` is called once, with what went wrong if something did. */
export function startClient(loop: Loop, options: ClientOptions, ended: (error?: Error) => void): void {
  const socket = new Socket();
  socket.setBlocking(false);
  try {
    socket.connect({ host: "127.0.0.1", port: options.port });
  } catch (error) {
    if (!(error instanceof WouldBlockError)) throw error;
  }
  loop.onWritable(socket, () => {
    loop.onWritable(socket, undefined);
    try {
      socket.finishConnect();
    } catch (error) {
      socket.close();
      ended(error as Error);
      return;
    }
    converse(loop, socket, options, ended);
  });
}

function converse(loop: Loop, socket: Socket, options: ClientOptions, ended: (error?: Error) => void): void {
  const dialogue = new Dialogue(options.name);
  let answers = 0;
  let isDone = false;
  const connection = new Connection(loop, socket, {
    received(text) {
      dialogue.check(text);
      answers++;
      if (options.beats !== 0 && answers > options.beats) {
        isDone = true;
        connection.close();
      } else loop.callLater(options.heartbeatMs, () => ask("heartbeat"));
    },
    ended: (error) => ended(error ?? (isDone ? undefined : new Error(GONE))),
  });
  const ask = (method: string) => {
    if (!socket.isClosed) connection.send(dialogue.request(method));
  };
  ask("connect");
}
