/** Frames over streams: one after the other, both ways, and what ends them. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, BusyError, ClosedError, cancelScope, FrameError, taskGroup } from "coppice";
import {
  type ByteStream,
  contentLength,
  type FramedStream,
  type Framing,
  framed,
  lengthPrefixed,
  lines,
  memoryPair,
  readFrames,
  untilEof,
} from "coppice/net";
import { waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

function withPair(
  framing: Framing,
  body: (frames: FramedStream, other: FramedStream, peer: ByteStream) => Promise<void>,
): Promise<void> {
  return virtually(async () => {
    const [stream, peer] = memoryPair();
    try {
      await body(framed(stream, framing), framed(peer, framing), peer);
    } finally {
      stream.abort();
      peer.abort();
    }
  });
}

for (const [name, framing] of Object.entries({
  lengthPrefixed: lengthPrefixed(),
  lines: lines({ unterminated: "error" }),
  contentLength: contentLength(),
})) {
  test(`${name}: frames go both ways, as texts and as bytes`, () =>
    withPair(framing, async (client, server) => {
      await taskGroup(async (group) => {
        group.spawn(async () => {
          for await (const text of server.texts()) await server.send(text.toUpperCase(), Uint8Array.of(1, 2));
          await server.sendEof();
        });
        await client.send("one", "é");
        await client.send(Buffer.from("three"));
        await client.sendEof();
        const found: (string | number[])[] = [];
        for (let text = await client.receiveText(); text !== undefined; text = await client.receiveText()) {
          found.push(text, [...((await client.receive()) ?? [])]);
        }
        assert.deepEqual(found, ["ONE", [1, 2], "É", [1, 2], "THREE", [1, 2]]);
        assert.equal(await client.receive(), undefined);
      });
    }));

  test(`${name}: an end inside a frame is an error, after the frames that came whole, and then always`, () =>
    withPair(framing, async (frames, _other, peer) => {
      await peer.send(framing.encode(["whole"]));
      await peer.send(framing.encode(["cut off"]).slice(0, 5));
      await peer.sendEof();
      assert.equal(await frames.receiveText(), "whole");
      for (let asked = 0; asked < 2; asked++) {
        const error = await rejection(frames.receiveText());
        assert.ok(error instanceof FrameError);
        assert.match(error.message, /ended inside a (frame|line)/);
      }
    }));

  test(`${name}: a frame that is no UTF-8 is a TypeError of receiveText alone`, () =>
    withPair(framing, async (frames, other) => {
      await other.send(Uint8Array.of(0xff), "next");
      assert.ok((await rejection(frames.receiveText())) instanceof TypeError);
      assert.equal(await frames.receiveText(), "next");
    }));
}

test("untilEof: a question and an answer, each ended by end-of-file", () =>
  withPair(untilEof(), async (client, server) => {
    await client.send("a question");
    await client.sendEof();
    assert.equal(await server.receiveText(), "a question");
    assert.equal(await server.receiveText(), undefined);
    await server.send("an answer");
    await server.close();
    assert.equal(await client.receiveText(), "an answer");
  }));

test("a last frame that is no text is an error once, and the end follows it", () =>
  virtually(async () => {
    for (const framing of [untilEof(), lines()]) {
      const [client, server] = memoryPair();
      await client.send(Buffer.from([0xff]));
      await client.sendEof();
      const frames = framed(server, framing);
      assert.ok((await rejection(frames.receiveText())) instanceof TypeError);
      assert.equal(await frames.receiveText(), undefined);
      assert.equal(await frames.receive(), undefined);
      client.abort();
      server.abort();
    }
  }));

test("a last line without an end comes before the end", () =>
  withPair(lines(), async (frames, _other, peer) => {
    await peer.send(Buffer.from("one\ntwo"));
    await peer.sendEof();
    const found: string[] = [];
    for await (const text of frames.texts()) found.push(text);
    assert.deepEqual(found, ["one", "two"]);
  }));

test("a frame that is too large is not sent, with those beside it, and one that comes ends the receiving: both name the limit", () =>
  withPair(lines({ maxLineBytes: 5 }), async (frames, other, peer) => {
    const refused = await rejection(frames.send("fits", "does not"));
    assert.ok(refused instanceof FrameError);
    assert.match(refused.message, /8 bytes is longer than maxLineBytes \(5\)/);
    await frames.send("good");
    assert.equal(await other.receiveText(), "good");
    await peer.send(Buffer.from("fits\ndoes not\nlater\n"));
    assert.equal(await frames.receiveText(), "fits");
    const first = await rejection(frames.receiveText());
    assert.ok(first instanceof FrameError);
    assert.match(first.message, /maxLineBytes \(5\)/);
    assert.equal(await rejection(frames.receiveText()), first, "and stays so");
    await frames.send("still");
    assert.equal(await other.receiveText(), "still");
  }));

test("a receive that is cancelled inside a frame loses nothing", () =>
  withPair(lengthPrefixed(), async (frames, _other, peer) => {
    const bytes = lengthPrefixed().encode(["a frame"]);
    for (const byte of bytes.slice(0, -1)) {
      await peer.send(Uint8Array.of(byte));
      await cancelScope(async (scope) => {
        const receiving = cancellation(frames.receive());
        await waitAllTasksBlocked();
        scope.cancel();
        await receiving;
      });
    }
    await peer.send(bytes.slice(-1));
    assert.equal(await frames.receiveText(), "a frame");
  }));

test("in a cancelled scope nothing is received, though it is there", () =>
  withPair(lines(), async (frames, other) => {
    await other.send("one", "two");
    assert.equal(await frames.receiveText(), "one");
    await cancelScope(async (scope) => {
      scope.cancel();
      await cancellation(frames.receiveText());
      await cancellation(frames.send("not sent"));
    });
    assert.equal(await frames.receiveText(), "two");
    await frames.close();
    assert.equal(await other.receiveText(), undefined);
  }));

test("a second receiver is a BusyError, and the first is not disturbed", () =>
  withPair(lines(), async (frames, other) => {
    const first = frames.receiveText();
    assert.ok((await rejection(frames.receive())) instanceof BusyError);
    await other.send("for the first");
    assert.equal(await first, "for the first");
  }));

test("leaving a loop closes nothing, and the next one goes on where it was", () =>
  withPair(lines(), async (frames, other) => {
    await other.send("one", "two", "three");
    for (const expected of ["one", "two"]) {
      for await (const text of frames.texts()) {
        assert.equal(text, expected);
        break;
      }
    }
    for await (const frame of frames) {
      assert.equal(String(Buffer.from(frame)), "three");
      break;
    }
  }));

test("closed on this side wins over frames that are there", () =>
  withPair(lines(), async (frames, other) => {
    await other.send("one", "two");
    assert.equal(await frames.receiveText(), "one");
    {
      await using closed = frames;
      await closed.send("bye");
    }
    for (const use of [
      () => frames.receive(),
      () => frames.receiveText(),
      () => frames.send("x"),
      () => frames.sendEof(),
    ]) {
      assert.ok((await rejection(use())) instanceof ClosedError);
    }
    assert.equal(await other.receiveText(), "bye");
  }));

test("a connection that is lost is a BrokenError after the frames that had come", () =>
  withPair(lines(), async (frames, other, peer) => {
    await other.send("one", "two");
    assert.equal(await frames.receiveText(), "one");
    const receiving = (async () => [await frames.receiveText(), await rejection(frames.receiveText())])();
    peer.abort();
    const [text, error] = await receiving;
    assert.equal(text, "two");
    assert.ok(error instanceof BrokenError);
    frames.abort();
    assert.ok((await rejection(frames.receive())) instanceof ClosedError);
  }));

test("the frames of a stream that only receives", () =>
  virtually(async () => {
    const [sender, receiver] = memoryPair();
    await sender.send(lines().encode(["one", "two"]));
    await sender.close();
    const found: string[] = [];
    for await (const frame of readFrames(receiver, lines())) found.push(String(Buffer.from(frame)));
    assert.deepEqual(found, ["one", "two"]);
    await receiver.close();
  }));
