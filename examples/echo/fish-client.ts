/**
 * Asks the server of messages, one message at a time.
 *
 *   npm run example -- echo/fish-client --port 42424 "so long" '{"and": 1}'
 *
 * A word that is no JSON is taken as a string.
 */
import { parseArgs } from "node:util";
import { BrokenError, ConnectError, main, withTimeout } from "coppice";
import { framed, lengthPrefixed, openTcp } from "coppice/net";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { port: { type: "string", default: "42424" } },
});
const messages = positionals.length > 0 ? positionals : ["so long"];
const framing = lengthPrefixed({ endian: "little", signed: false });

await main(async () => {
  try {
    await using stream = await openTcp({ port: Number(values.port) });
    const conversation = framed(stream, framing);
    for (const message of messages) {
      await conversation.send(JSON.stringify(parsed(message)));
      const answer = await withTimeout(5_000, () => conversation.receiveText());
      if (answer === undefined) throw new BrokenError("the server closed the connection");
      print(`${message} -> ${answer}`);
    }
  } catch (error) {
    if (!(error instanceof ConnectError || error instanceof BrokenError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
});

function parsed(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return message;
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
