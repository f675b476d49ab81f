/** Frames over streams that fail: in the middle of a frame, in the middle of a send, with lengths that lie. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, moveOnAfter, taskGroup, withTimeout } from "coppice";
import {
  type ByteStream,
  contentLength,
  FrameError,
  type Framing,
  framed,
  lengthPrefixed,
  lines,
  untilEof,
} from "coppice/net";
import { withBystander } from "../support/faults-guard.ts";
import { faultKinds } from "../support/faults-kinds.ts";
import { networked } from "../support/network.ts";
import { rejection } from "../support/rejection.ts";
import { assertBroken, assertClosed, assertTimedOut, bytesOf, fill, flood } from "./streams-at-work.ts";

interface Kind {
  readonly framing: () => Framing;
  /** A whole frame "one", and the beginning of another. */
  readonly whole: string;
  readonly half: string;
  /** What no frame begins with, or is too long by far; and the words of the refusal. */
  readonly lie: string;
  readonly words: RegExp;
}

const framings: Readonly<Record<string, Kind>> = {
  lengthPrefixed: {
    framing: () => lengthPrefixed({ maxFrameBytes: 1_000 }),
    whole: "\0\0\0\x03one",
    half: "\0\0\0\x09tw",
    lie: "\x7f\xff\xff\xff",
    words: /maxFrameBytes.*1,?000|1,?000.*maxFrameBytes/,
  },
  "lines, each with an end": {
    framing: () => lines({ maxLineBytes: 1_000, unterminated: "error" }),
    whole: "one\n",
    half: "tw",
    lie: "x".repeat(1_100),
    words: /maxLineBytes.*1,?000|1,?000.*maxLineBytes/,
  },
  contentLength: {
    framing: () => contentLength({ maxFrameBytes: 1_000 }),
    whole: "Content-Length: 3\r\n\r\none",
    half: "Content-Length: 9\r\n\r\ntw",
    lie: "Content-Length: 99999999\r\n\r\n",
    words: /maxFrameBytes.*1,?000|1,?000.*maxFrameBytes/,
  },
};

function latin(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** On every kind of stream, with a bystander on the same listener. */
function onEveryKind(
  name: string,
  body: (client: ByteStream, server: ByteStream, knowsReset: boolean) => Promise<void>,
): void {
  for (const kind of faultKinds) {
    test(`${kind.name}, ${name}`, () =>
      networked(() =>
        withTimeout(60_000, async () => {
          const site = await kind.open();
          await withBystander(site.connect, async () => {
            const [client, server] = await site.connect();
            await body(client, server, kind.knowsReset);
            client.abort();
            server.abort();
          });
          await site.close();
        }),
      ));
  }
}

for (const [name, { framing, whole, half, lie, words }] of Object.entries(framings)) {
  onEveryKind(
    `${name}: the end in the middle of a frame is a FrameError, after the frames that came whole`,
    async (client, server) => {
      const frames = framed(client, framing());
      await server.send(latin(whole + half));
      await server.sendEof();
      assert.equal(await frames.receiveText(), "one");
      const error = await rejection(frames.receive());
      assert.ok(error instanceof FrameError, String(error));
      assert.match(error.message, /ended|end of/);
      assert.equal(await rejection(frames.receive()), error);
    },
  );

  onEveryKind(`${name}: a reset in the middle of a frame is the stream's error`, async (client, server, knowsReset) => {
    const frames = framed(client, framing());
    await server.send(latin(whole));
    assert.equal(await frames.receiveText(), "one");
    await server.send(latin(half));
    assert.equal(await moveOnAfter(5, () => frames.receive()), undefined);
    server.abort();
    const error = await rejection(frames.receive());
    if (knowsReset || error instanceof BrokenError) assertBroken(error, "receive");
    else assert.ok(error instanceof FrameError);
  });

  onEveryKind(
    `${name}: a frame that never ends is refused by its limit, named, however much of it comes`,
    async (client, server) => {
      const frames = framed(client, framing());
      await server.send(latin(whole + lie));
      assert.equal(await frames.receiveText(), "one");
      const error = await rejection(frames.receive());
      assert.ok(error instanceof FrameError, String(error));
      assert.match(error.message, words);
      await frames.close();
    },
  );

  onEveryKind(
    `${name}: a receive that is cut short in the middle of a frame goes on with it`,
    async (client, server) => {
      const frames = framed(client, framing());
      for (const byte of latin(whole)) {
        assertTimedOut(await rejection(withTimeout(3, () => frames.receive())), 3);
        await server.send(Uint8Array.of(byte));
      }
      assert.equal(await frames.receiveText(), "one");
    },
  );

  onEveryKind(
    `${name}: a send that is cancelled while the pipe is full sends no part of a frame`,
    async (client, server) => {
      const [out, into] = [framed(client, framing()), framed(server, framing())];
      let sent = 0;
      const next = (): Promise<true> => out.send(`${sent} ${"x".repeat(900)}`).then(() => true as const);
      while (await moveOnAfter(5, next)) sent++;
      assert.equal(await moveOnAfter(5, next), undefined);
      await taskGroup(async (group) => {
        group.spawn(() => out.close());
        let received = 0;
        for await (const text of into.texts()) assert.match(text, new RegExp(`^${received++} x+$`));
        assert.equal(received, sent);
      });
    },
  );
}

onEveryKind("closing wakes who sends frames and who receives them", async (client) => {
  await fill(client);
  const frames = framed(client, untilEof());
  const [sending, receiving] = [rejection(flood(client)), rejection(frames.receive())];
  frames.abort();
  assertClosed(await sending, "send to");
  assertClosed(await receiving, "receive from");
  assertClosed(await rejection(frames.send(bytesOf("x"))), "send to");
});
