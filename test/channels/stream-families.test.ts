/** What streams of one family have of their own, for `fromReadable` and `fromWritable`. */
import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import test from "node:test";
import { BrokenError, EndOfChannel, fromReadable, fromWritable, sleep } from "coppice";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("a web stream is asked for a chunk when somebody waits for one, and not before", () =>
  virtually(async () => {
    let pulls = 0;
    const stream = new ReadableStream<number>(
      { pull: (controller) => controller.enqueue(pulls++) },
      { highWaterMark: 0 },
    );
    const receiver = fromReadable(stream);
    await sleep(1);
    assert.equal(pulls, 0);
    assert.equal(await receiver.receive(), 0);
    await sleep(1);
    assert.equal(pulls, 1);
    await receiver.close();
  }));

test("a Node stream reads no further than its own watermark while nobody receives", () =>
  virtually(async () => {
    let reads = 0;
    const stream = new Readable({
      objectMode: true,
      highWaterMark: 3,
      read() {
        this.push(reads++);
      },
    });
    const receiver = fromReadable<number>(stream);
    await sleep(1);
    assert.equal(await receiver.receive(), 0);
    await sleep(1);
    assert.ok(reads <= 5, `${reads}`);
    await receiver.close();
  }));

test("a Node stream gives bytes as they came together, and text where it has an encoding", () =>
  virtually(async () => {
    const bytes = Readable.from([Buffer.from("ab"), Buffer.from("cd")], { objectMode: false });
    const chunks = await Array.fromAsync(fromReadable<Uint8Array>(bytes));
    assert.equal(Buffer.concat(chunks).toString(), "abcd");
    const text = Readable.from([Buffer.from("ab")], { objectMode: false });
    text.setEncoding("utf8");
    assert.deepEqual(await Array.fromAsync(fromReadable<string>(text)), ["ab"]);
  }));

test("a Node stream that was destroyed before its end is broken", () =>
  virtually(async () => {
    for (const isEarly of [true, false]) {
      const stream = new Readable({ read: () => {} });
      if (isEarly) stream.destroy();
      const receiver = fromReadable(stream);
      if (!isEarly) stream.destroy();
      assert.ok((await rejection(receiver.receive())) instanceof BrokenError);
    }
  }));

test("a Node stream that has ended, or failed, before it came here says so", () =>
  virtually(async () => {
    const ended = Readable.from([]);
    await Array.fromAsync(ended);
    assert.ok((await rejection(fromReadable(ended).receive())) instanceof EndOfChannel);
    const error = new Error("own");
    const failed = new Readable({ read: () => {} });
    failed.on("error", () => {});
    failed.destroy(error);
    await sleep(1);
    assert.equal(await rejection(fromReadable(failed).receive()), error);
  }));

test("close waits until a stream has cleaned up, and throws what that failed with", () =>
  virtually(async () => {
    const error = new Error("cleanup");
    let isClean = false;
    const slow = fromReadable(
      new ReadableStream({
        cancel: async () => {
          await sleep(10);
          isClean = true;
        },
      }),
    );
    await slow.close();
    assert.equal(isClean, true);
    const web = fromReadable(new ReadableStream({ cancel: () => Promise.reject(error) }));
    assert.equal(await rejection(web.close()), error);
    const node = fromReadable(new Readable({ read: () => {}, destroy: (_, done) => done(error) }));
    assert.equal(await rejection(node.close()), error);
  }));

test("what is no readable stream is refused, and so is a web stream that somebody else reads", () => {
  for (const stream of [undefined, {}, "text", new WritableStream()]) {
    assert.throws(() => fromReadable(stream as unknown as Readable), { name: "TypeError", message: /Readable/ });
  }
  const stream = new ReadableStream();
  fromReadable(stream);
  assert.throws(() => fromReadable(stream), TypeError);
});

test("a Node stream that is destroyed, or ended by somebody else, is broken", () =>
  virtually(async () => {
    for (const stop of ["destroy", "end"] as const) {
      for (const isEarly of [true, false]) {
        const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
        if (isEarly) stream[stop]();
        const sender = fromWritable(stream);
        if (!isEarly) stream[stop]();
        await sleep(1);
        assert.ok((await rejection(sender.send("late"))) instanceof BrokenError);
        await sender.close();
      }
    }
  }));

test("a value that a Node stream refuses fails the send that brought it, and nothing else", () =>
  virtually(async () => {
    const written: string[] = [];
    const stream = new Writable({
      decodeStrings: false,
      write: (chunk, _encoding, done) => {
        written.push(chunk);
        done();
      },
    });
    const sender = fromWritable<unknown>(stream);
    assert.ok((await rejection(sender.send(5))) instanceof TypeError);
    await sender.send("text");
    await sender.close();
    assert.deepEqual(written, ["text"]);
  }));

test("what is no writable stream is refused, and so is a web stream that somebody else writes", () => {
  for (const stream of [undefined, {}, "text", new ReadableStream()]) {
    assert.throws(() => fromWritable(stream as unknown as Writable), { name: "TypeError", message: /Writable/ });
  }
  const stream = new WritableStream();
  fromWritable(stream);
  assert.throws(() => fromWritable(stream), TypeError);
});
