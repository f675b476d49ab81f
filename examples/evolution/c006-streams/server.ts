/**
 * The JSON-RPC server with async and await: each connection has one task that reads and one that writes.
 *
 *   npm run example -- evolution/c006-streams/server --port 8000
 *
 * On the wire each message is a frame: its length as a 32-bit integer, big-endian, then that many bytes of JSON.
 *
 *   \0\0\0\x35{"method": "foo", "jsonrpc": "2.0", "id": "e549a9cb"}
 *   \0\0\0\x2f{"result":"ok","id":"e549a9cb","jsonrpc":"2.0"}
 *
 * The JSON is done by hand here, to show the streams; `coppice/rpc` does it properly.
 */
import { channel, currentScope, main, type Receiver, type Sender, taskGroup } from "coppice";
import { type ByteStream, lengthPrefixed, listen, serve } from "coppice/net";
import { numberFlags } from "../../flags.ts";

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

function answer(text: string): string {
  calls++;
  try {
    const { id = null } = JSON.parse(text);
    return JSON.stringify({ result: "ok", id, jsonrpc: "2.0" });
  } catch (error) {
    return JSON.stringify({ error: { code: -32700, message: `Parse error: ${error}` }, id: null, jsonrpc: "2.0" });
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
