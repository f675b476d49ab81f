/**
 * Trio's echo server: each connection has a number and a task of its own, which ends with its client.
 *
 *   npm run example -- echo/trio-server --port 12345
 */
import { BrokenError, main } from "coppice";
import { listen, type SocketStream, serve } from "coppice/net";
import { numberFlags } from "../flags.ts";

const { port } = numberFlags({ port: 12_345 });
let connections = 0;

await main(async () => {
  const listener = await listen({ port });
  print(`listening on tcp://127.0.0.1:${listener.address.port}`);
  // One group for all connections: it ends when the last of them has, and a failure in one would end them all.
  await serve(listener, echo);
});

async function echo(stream: SocketStream): Promise<void> {
  const number = ++connections;
  print(`echo server ${number}: started`);
  try {
    for await (const chunk of stream) {
      print(`echo server ${number}: received ${JSON.stringify(String(Buffer.from(chunk)))}`);
      await stream.send(chunk);
    }
    print(`echo server ${number}: connection closed`);
  } catch (error) {
    // What is no trouble to the others ends here.
    if (!(error instanceof BrokenError)) throw error;
    print(`echo server ${number}: connection lost`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
