/** The server of step 2, as callbacks on a loop. */
import { Socket, WouldBlockError } from "coppice/selector";
import { answer, listeningAt, print } from "../wire.ts";
import { Connection } from "./connection.ts";
import type { Loop } from "./loop.ts";

/** Listens, and answers whoever comes. Returns the port, and what ends the listening. */
export function startServer(loop: Loop, port: number): { readonly port: number; close(): void } {
  const listener = new Socket();
  listener.setOption("reuseAddress", true);
  listener.bind({ host: "127.0.0.1", port });
  listener.listen();
  listener.setBlocking(false);
  loop.onReadable(listener, () => accept(loop, listener));
  print(listeningAt(listener.localAddress));
  const { localAddress } = listener;
  return { port: "port" in localAddress ? localAddress.port : 0, close: () => listener.close() };
}

function accept(loop: Loop, listener: Socket): void {
  try {
    const connection: Connection = new Connection(loop, listener.accept(), {
      received: (request) => connection.send(answer(request)),
      ended: (error) => {
        if (error !== undefined) print(`a connection failed: ${error}`);
      },
    });
  } catch (error) {
    // It left before it was accepted.
    if (!(error instanceof WouldBlockError)) throw error;
  }
}
