/**
 * The client of the JSON-RPC server with async and await: it connects, sends `connect`, and then a `heartbeat` at an interval.
 *
 *   npm run example -- evolution/c006-streams/client --port 8000 --beats 3 --heartbeat 500
 *
 * It prints what goes out and what comes in, checks each answer, and ends after `--beats` (0: never) or on Ctrl-C.
 */
import { randomBytes } from "node:crypto";
import {
  BrokenError,
  ConnectError,
  channel,
  currentScope,
  main,
  moveOnAfter,
  type Receiver,
  type Sender,
  taskGroup,
} from "coppice";
import { type ByteStream, lengthPrefixed, openTcp } from "coppice/net";
import { numberFlags } from "../../flags.ts";

const framing = lengthPrefixed();
const flags = numberFlags({ port: 8_000, beats: 0, heartbeat: 5_000 });

await main(async () => {
  try {
    // Closes the connection on every way out of this block.
    await using stream = await openTcp({ port: flags.port });
    await converse(stream);
    print("every answer was as expected");
  } catch (error) {
    if (!(error instanceof ConnectError || error instanceof BrokenError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
});

/** Reading and writing at the same time: so the client notices at once when the server goes away. */
async function converse(stream: ByteStream): Promise<void> {
  const [toBeat, fromReader] = channel<string>(0);
  await taskGroup(async (group) => {
    const reader = group.spawn(() => readAnswers(stream, toBeat));
    await beat(stream, fromReader);
    reader.cancel("the client is done");
  });
}

async function beat(stream: ByteStream, answers: Receiver<string>): Promise<void> {
  await ask(stream, "connect", answers);
  for (let beats = 0; flags.beats === 0 || beats < flags.beats; beats++) {
    // Waits for Ctrl-C, but only until it is time for the next beat.
    await moveOnAfter(flags.heartbeat, () => currentScope().whenStopping());
    if (currentScope().isStopping) return;
    await ask(stream, "heartbeat", answers);
  }
}

/** Sends a request and checks the answer to it. */
async function ask(stream: ByteStream, method: string, answers: Receiver<string>): Promise<void> {
  const id = randomBytes(4).toString("hex");
  const request = `{"method": "${method}", "jsonrpc": "2.0", "id": "${id}"}`;
  print(`> ${request}`);
  await stream.send(framing.encode([request]));
  const answer = await answers.receive();
  print(`< ${answer}`);
  const expected = `{"result":"ok","id":"${id}","jsonrpc":"2.0"}`;
  if (answer !== expected) throw new Error(`expected ${expected}`);
}

/** Cuts the bytes that come into answers. That they end is for the client to decide, so an end by the server is an error. */
async function readAnswers(stream: ByteStream, answers: Sender<string>): Promise<void> {
  const decoder = framing.decoder();
  for await (const chunk of stream) {
    decoder.push(chunk);
    for (let text = decoder.nextText(); text !== undefined; text = decoder.nextText()) await answers.send(text);
  }
  throw new BrokenError("the server closed the connection");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
