/**
 * Trio's echo client: a task that sends and a task that receives, at the same time, on one connection.
 *
 *   npm run example -- echo/trio-client --port 12345 --messages 5 --interval 1000
 */
import { ConnectError, main, sleep, taskGroup } from "coppice";
import { openTcp, type SocketStream } from "coppice/net";
import { numberFlags } from "../flags.ts";

const { port, messages, interval } = numberFlags({ port: 12_345, messages: 5, interval: 1_000 });

await main(async () => {
  try {
    print(`parent: connecting to 127.0.0.1:${port}`);
    await using stream = await openTcp({ port });
    await taskGroup((group) => {
      print("parent: spawning sender");
      group.spawn(() => sender(stream));
      print("parent: spawning receiver");
      group.spawn(() => receiver(stream));
    });
    print("parent: both have ended");
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
});

async function sender(stream: SocketStream): Promise<void> {
  for (let number = 1; number <= messages; number++) {
    const message = `message ${number}`;
    print(`sender: sending ${JSON.stringify(message)}`);
    await stream.send(Buffer.from(message));
    await sleep(interval);
  }
  // The server sees the end, echoes what is left and closes: then the receiver ends as well.
  await stream.sendEof();
}

async function receiver(stream: SocketStream): Promise<void> {
  for await (const chunk of stream) print(`receiver: got ${JSON.stringify(String(Buffer.from(chunk)))}`);
  print("receiver: connection closed");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
