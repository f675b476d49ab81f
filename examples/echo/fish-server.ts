/**
 * A server of messages: each is a length in little-endian and that many bytes of JSON. To "so long" it answers "thanks for all the fish".
 *
 *   npm run example -- echo/fish-server --port 42424
 *
 *   \x09\0\0\0"so long"  ->  \x19\0\0\0"thanks for all the fish"
 */
import { BrokenError, FrameError, main } from "coppice";
import { framed, lengthPrefixed, listen, type SocketStream, serve } from "coppice/net";
import { numberFlags } from "../flags.ts";

const { port } = numberFlags({ port: 42_424 });
const framing = lengthPrefixed({ endian: "little", signed: false, maxFrameBytes: 64 * 1024 });

await main(async () => {
  const listener = await listen({ port });
  print(`listening on tcp://127.0.0.1:${listener.address.port}`);
  await serve(listener, converse);
});

async function converse(stream: SocketStream): Promise<void> {
  const messages = framed(stream, framing);
  try {
    for await (const text of messages.texts()) await messages.send(JSON.stringify(answer(JSON.parse(text))));
  } catch (error) {
    // No JSON, no frame, or gone: this conversation is over, and no other.
    if (!(error instanceof SyntaxError || error instanceof FrameError || error instanceof BrokenError)) throw error;
    print(`a client was cut off: ${error.message}`);
  }
}

function answer(message: unknown): unknown {
  return message === "so long" ? "thanks for all the fish" : { "what is that": message };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
