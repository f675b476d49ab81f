/**
 * The echo server in callbacks: a protocol for each client, which is told what happens.
 *
 *   npm run example -- echo/protocol --port 8007       and then: nc 127.0.0.1 8007
 *
 * Beside `echo/tasks`: there, what a client is doing is where its task stands; here, it is what the fields say.
 */
import { currentScope, main } from "coppice";
import { currentEventLoop, formatAddress, StreamProtocol, type StreamTransport } from "coppice/loop";
import { numberFlags } from "../flags.ts";

const { port } = numberFlags({ port: 8_007 });
let clients = 0;
let served = 0;

class Echo extends StreamProtocol {
  readonly #number = ++clients;
  #transport: StreamTransport | undefined;
  #bytes = 0;

  override connectionMade(transport: StreamTransport): void {
    this.#transport = transport;
    print(`client ${this.#number} came`);
  }

  override dataReceived(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#transport?.write(bytes);
  }

  // A client that takes nothing is read no further, so that what it has coming does not pile up here.
  override pauseWriting(): void {
    this.#transport?.pauseReading();
  }

  override resumeWriting(): void {
    this.#transport?.resumeReading();
  }

  override connectionLost(error: Error | undefined): void {
    served++;
    const how = error === undefined ? "left" : `was lost (${error.message})`;
    print(`client ${this.#number} ${how} after ${this.#bytes} bytes; served ${served}`);
  }
}

await main(async () => {
  const server = await currentEventLoop().createServer(() => new Echo(), { port });
  for (const address of server.addresses) print(`listening on tcp://${formatAddress(address)}`);
  await currentScope().whenStopping();
  server.close();
  server.closeClients();
  await server.waitClosed();
  print(`stopped: served ${served} clients`);
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
