/**
 * Step 6, streams: each connection has one task that reads and one that writes, joined by a channel.
 *
 *   npm run example -- evolution/c006-streams/server --port 8000
 *
 * What step 5 did call by call, streams and a framing do; and with two tasks, requests are read while answers are still on their way out.
 * (`coppice/rpc` does all of this, and the JSON as well.)
 */
import { channel, currentScope, main, type Receiver, type Sender, taskGroup } from "coppice";
import { type ByteStream, lengthPrefixed, listen, serve } from "coppice/net";
import { numberFlags } from "../../flags.ts";
import { answer, print } from "../wire.ts";

const framing = lengthPrefixed();
const { port } = numberFlags({ port: 8_000 });
let connections = 0;
let calls = 0;

await main(async () => {
  const listener = await listen({ port });
  print(`listening on tcp://${listener.address.host}:${listener.address.port}`);
  // Runs `converse` in a task of its own for each connection. Ctrl-C makes it accept no more, and wait for those tasks.
  await serve(listener, converse, { onError: (error) => print(`a connection failed: ${error}`) });
  print(`stopped: answered ${calls} calls on ${connections} connections`);
});

/** Reading and writing at the same time: a client may send its next requests before it has read the last answers. */
async function converse(stream: ByteStream): Promise<void> {
  connections++;
  // At most 16 answers wait to be sent. Then the reader waits too, and so, in the end, does the client.
  const [toWriter, fromReader] = channel<string>(16);
  await taskGroup((group) => {
    const reader = group.spawn(() => readRequests(stream, toWriter));
    group.spawn(() => writeAnswers(stream, fromReader));
    // On Ctrl-C this connection is read no further. A background task ends with the others.
    group.spawn(
      async () => {
        await currentScope().whenStopping();
        reader.cancel("stopping");
      },
      { background: true },
    );
  });
}

async function readRequests(stream: ByteStream, answers: Sender<string>): Promise<void> {
  const decoder = framing.decoder();
  try {
    for await (const chunk of stream) {
      // A chunk is whatever came together: half a frame, or a hundred.
      decoder.push(chunk);
      for (let text = decoder.nextText(); text !== undefined; text = decoder.nextText()) {
        calls++;
        await answers.send(answer(text));
      }
    }
    decoder.end();
  } finally {
    // Tells the writer that no more will come; it sends what there is and ends.
    answers.close();
  }
}

async function writeAnswers(stream: ByteStream, answers: Receiver<string>): Promise<void> {
  for await (const text of answers) await stream.send(framing.encode([text]));
}
