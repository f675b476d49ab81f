/** Peers that speak other framings than the usual one, over memory. */
import assert from "node:assert/strict";
import test from "node:test";
import { taskGroup } from "coppice";
import { contentLength, type Framing, framed, lines, memoryPair } from "coppice/net";
import { servePeer } from "coppice/rpc";
import { virtually } from "../support/virtual.ts";

const methods = { add: (a: number, b: number) => a + b, echo: (text: string) => text };
const request = (method: string, params: unknown[], id: number): string =>
  JSON.stringify({ jsonrpc: "2.0", method, params, id });

/** What a peer that speaks `framing` answers to `bytes` and end-of-file. */
function answersTo(framing: Framing, bytes: Uint8Array): Promise<unknown[]> {
  return virtually(async () => {
    const [client, server] = memoryPair();
    return await taskGroup(async (group) => {
      group.spawn(async () => {
        await using stream = server;
        await servePeer(stream, { methods, framing });
      });
      await using frames = framed(client, framing);
      await client.send(bytes);
      await frames.sendEof();
      const answers: unknown[] = [];
      for await (const text of frames.texts()) answers.push(JSON.parse(text));
      return answers.map((answer) => (answer as { result: unknown }).result);
    });
  });
}

for (const [name, framing] of Object.entries({ lines: lines(), contentLength: contentLength() })) {
  test(`${name}: requests are answered in the framing in which they come`, async () => {
    const requests = [request("add", [1, 2], 1), request("echo", ["two\nlines, é"], 2)];
    assert.deepEqual(await answersTo(framing, framing.encode(requests)), [3, "two\nlines, é"]);
  });
}

test("lines: the last request is answered though its line has no end", async () => {
  const bytes = Buffer.from(`${request("add", [1, 2], 1)}\r\n${request("add", [3, 4], 2)}`);
  assert.deepEqual(await answersTo(lines(), bytes), [3, 7]);
});
