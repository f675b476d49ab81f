/**
 * The clients of step 6: each connects, sends `connect`, and then a `heartbeat` at an interval.
 *
 *   npm run example -- evolution/c006-streams/client --port 8000 --clients 2 --beats 3 --heartbeat 500
 *
 * They print what goes out and what comes in, check each answer, and end after `--beats` (0: never) or on Ctrl-C.
 */
import {
  BrokenError,
  ConnectError,
  channel,
  currentScope,
  main,
  map,
  moveOnAfter,
  type Receiver,
  type Sender,
  taskGroup,
} from "coppice";
import { type ByteStream, lengthPrefixed, openTcp } from "coppice/net";
import { numberFlags } from "../../flags.ts";
import { clientNames, Dialogue, print } from "../wire.ts";

const framing = lengthPrefixed();
const flags = numberFlags({ port: 8_000, clients: 1, beats: 0, heartbeat: 5_000 });

await main(async () => {
  try {
    await map(clientNames(flags.clients), client, { concurrency: flags.clients });
    print("every answer was as expected");
  } catch (error) {
    if (!(error instanceof ConnectError || error instanceof BrokenError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
});

async function client(name: string): Promise<void> {
  // Closes the connection on every way out of this block.
  await using stream = await openTcp({ port: flags.port });
  await converse(stream, new Dialogue(name));
}

/** Reading and writing at the same time: so the client notices at once when the server goes away. */
async function converse(stream: ByteStream, dialogue: Dialogue): Promise<void> {
  const [toBeat, fromReader] = channel<string>(0);
  await taskGroup(async (group) => {
    const reader = group.spawn(() => readAnswers(stream, toBeat));
    await beat(stream, fromReader, dialogue);
    reader.cancel("the client is done");
  });
}

async function beat(stream: ByteStream, answers: Receiver<string>, dialogue: Dialogue): Promise<void> {
  const ask = async (method: string) => {
    await stream.send(framing.encode([dialogue.request(method)]));
    dialogue.check(await answers.receive());
  };
  await ask("connect");
  for (let beats = 0; flags.beats === 0 || beats < flags.beats; beats++) {
    // Waits for Ctrl-C, but only until it is time for the next beat.
    await moveOnAfter(flags.heartbeat, () => currentScope().whenStopping());
    if (currentScope().isStopping) return;
    await ask("heartbeat");
  }
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
