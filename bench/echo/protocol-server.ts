/** The echo server on Coppice's protocols, as a user would write it: callbacks, no tasks. Takes the loop's name. */

import { EventLoop, StreamProtocol, type Transport } from "coppice/loop";
import { announce } from "./announce.ts";
import { chosenLoop } from "./chosen-loop.ts";

class Echo extends StreamProtocol {
  #transport: Transport | undefined;

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  override dataReceived(bytes: Uint8Array): void {
    this.#transport?.write(bytes);
  }
}

const loop = new EventLoop(await chosenLoop());
await loop.runUntilComplete(async () => {
  const server = await loop.createServer(() => new Echo(), { host: "127.0.0.1", port: 0 });
  announce(server.addresses[0]);
  await server.serveForever();
});
