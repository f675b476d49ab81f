/** Sources of the platform, which a plain `return` would leave stuck in their wait for data. */
import assert from "node:assert/strict";
import { createReadStream, openSync } from "node:fs";
import { connect, createServer } from "node:net";
import { PassThrough, Readable } from "node:stream";
import test from "node:test";
import { iterate, moveOnAfter, nextEvent, sleep } from "coppice";
import { really } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";

test("a stream that waits for data is destroyed when the loop is cancelled, long before the grace is over", () =>
  really(async () => {
    const stream = new PassThrough();
    stream.write("text");
    const chunks: string[] = [];
    const pending = moveOnAfter(20, async () => {
      for await (const chunk of iterate<Buffer>(stream, { graceMs: Infinity })) chunks.push(String(chunk));
    });
    assert.equal(await pending, undefined);
    assert.deepEqual(chunks, ["text"]);
    assert.equal(stream.destroyed, true);
  }));

test("a socket that waits for data is closed when the loop is cancelled", () =>
  really(async () => {
    const server = createServer((peer) => peer.resume()).listen(0, "127.0.0.1");
    await nextEvent(server, "listening");
    const socket = connect((server.address() as { port: number }).port, "127.0.0.1");
    await nextEvent(socket, "connect");
    await moveOnAfter(20, async () => {
      for await (const _ of iterate<Buffer>(socket, { graceMs: Infinity }));
    });
    assert.equal(socket.destroyed, true);
    server.close();
    await nextEvent(server, "close");
  }));

test("a stream is read to its end, its error is thrown, and break destroys it", () =>
  really(async () => {
    const texts: string[] = [];
    for await (const text of iterate<string>(Readable.from(["a", "b"]))) texts.push(text);
    assert.deepEqual(texts, ["a", "b"]);
    const error = new Error("own");
    const failing = new PassThrough();
    const reading = rejection(
      (async () => {
        for await (const _ of iterate(failing));
      })(),
    );
    // Once somebody listens: an error that is told to nobody ends a process of Node's.
    setTimeout(() => failing.destroy(error), 5);
    assert.equal(await reading, error);
    const file = createReadStream("", { fd: openSync(import.meta.filename, "r") });
    for await (const _ of iterate(file)) break;
    assert.equal(file.destroyed, true);
  }));

test("a ReadableStream that waits for data is cancelled at once, and unlocked", () =>
  really(async () => {
    const log: unknown[] = [];
    const stream = new ReadableStream<number>({
      start: (controller) => controller.enqueue(1),
      cancel: () => {
        log.push("cancelled");
      },
    });
    await moveOnAfter(20, async () => {
      for await (const value of iterate(stream, { graceMs: Infinity })) log.push(value);
    });
    assert.deepEqual(log, [1, "cancelled"]);
    assert.equal(stream.locked, false);
  }));

test("a ReadableStream is read to its end or its error, and unlocked; break cancels it and waits for that", () =>
  really(async () => {
    const ended = new ReadableStream<number>({
      start: (controller) => {
        controller.enqueue(1);
        controller.close();
      },
    });
    const values: number[] = [];
    for await (const value of iterate(ended)) values.push(value);
    assert.deepEqual(values, [1]);
    assert.equal(ended.locked, false);

    const error = new Error("own");
    const failed = new ReadableStream<number>({ start: (controller) => controller.error(error) });
    const reading = async (): Promise<void> => {
      for await (const _ of iterate(failed));
    };
    assert.equal(await rejection(reading()), error);
    assert.equal(failed.locked, false);

    const log: string[] = [];
    const left = new ReadableStream<number>({
      pull: (controller) => controller.enqueue(1),
      cancel: async () => {
        await sleep(5);
        log.push("cancelled");
      },
    });
    for await (const _ of iterate(left)) break;
    assert.deepEqual(log, ["cancelled"]);
  }));
