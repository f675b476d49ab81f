/** Streams that the system is behind: files and pipes. */
import assert from "node:assert/strict";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import test from "node:test";
import { createGzip, gunzipSync } from "node:zlib";
import {
  cancelScope,
  channel,
  fromReadable,
  fromWritable,
  isCancelled,
  sleepForever,
  taskGroup,
  toReadableStream,
  toWritableStream,
} from "coppice";
import { eventually, really } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";

const BYTES: Uint8Array = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 31) % 251);

async function withFolder(body: (path: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "coppice-streams-"));
  try {
    await body((name) => join(folder, name));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a file is copied through a channel", () =>
  withFolder(async (path) => {
    await writeFile(path("from"), BYTES);
    await really(() =>
      taskGroup(async (group) => {
        const [sender, receiver] = channel<Uint8Array>(2);
        group.spawn(async () => {
          await using file = fromReadable<Uint8Array>(createReadStream(path("from")));
          for await (const chunk of file) await sender.send(chunk);
          sender.close();
        });
        await using file = fromWritable<Uint8Array>(createWriteStream(path("to")));
        for await (const chunk of receiver) await file.send(chunk);
      }),
    );
    assert.deepEqual(new Uint8Array(await readFile(path("to"))), BYTES);
  }));

test("a file is copied by way of web streams", () =>
  withFolder(async (path) => {
    await writeFile(path("from"), BYTES);
    const handle = await open(path("from"));
    await really(() =>
      taskGroup(async (group) => {
        const [sender, receiver] = channel<Uint8Array>(0);
        group.spawn(() => (handle.readableWebStream() as ReadableStream<Uint8Array>).pipeTo(toWritableStream(sender)));
        const compressed = toReadableStream(receiver);
        await using file = fromWritable<Uint8Array>(createWriteStream(path("to")));
        for await (const chunk of fromReadable(compressed)) await file.send(chunk);
      }),
    );
    await handle.close();
    assert.deepEqual(new Uint8Array(await readFile(path("to"))), BYTES);
  }));

test("a stream that goes both ways is sent into and received from at once", () =>
  really(() =>
    taskGroup(async (group) => {
      const gzip = createGzip();
      group.spawn(async () => {
        await using input = fromWritable<Uint8Array>(gzip);
        for (let at = 0; at < BYTES.length; at += 10_000) await input.send(BYTES.subarray(at, at + 10_000));
      });
      const output = await Array.fromAsync(fromReadable<Uint8Array>(gzip));
      assert.deepEqual(new Uint8Array(gunzipSync(Buffer.concat(output))), BYTES);
    }),
  ));

test("a file that is left in the middle, by a break or by a cancellation, is closed when the block is left", () =>
  withFolder(async (path) => {
    await writeFile(path("from"), BYTES);
    await really(async () => {
      const stream = createReadStream(path("from"));
      {
        await using file = fromReadable<Uint8Array>(stream);
        for await (const _ of file) break;
      }
      assert.equal(stream.closed, true);
      const other = createReadStream(path("from"));
      await cancelScope(async (scope) => {
        await using file = fromReadable<Uint8Array>(other);
        await file.receive();
        scope.cancel();
        await sleepForever();
      });
      await eventually(
        () => other.closed,
        () => "the file was left open",
      );
    });
  }));

test("a file that cannot be opened fails the wait, with the error as it is", () =>
  really(async () => {
    const error = await rejection(fromReadable(createReadStream("/no/such/file")).receive());
    assert.equal((error as NodeJS.ErrnoException).code, "ENOENT");
    const sender = fromWritable(createWriteStream("/no/such/file"));
    assert.equal(((await rejection(sender.close())) as NodeJS.ErrnoException).code, "ENOENT");
  }));

test("a slow reader holds up a pipe in memory, and a cancelled sender leaves nothing in it", () =>
  really(() =>
    taskGroup(async (group) => {
      const pipe = new PassThrough({ highWaterMark: 1_000 });
      const sender = fromWritable<Uint8Array>(pipe);
      let sent = 0;
      const filling = group.spawn(async () => {
        for (;;) {
          await sender.send(new Uint8Array(1_000));
          sent += 1_000;
        }
      });
      await eventually(
        () => pipe.writableNeedDrain,
        () => "the pipe never filled up",
      );
      filling.cancel();
      assert.ok(isCancelled(await rejection(filling)));
      const closing = group.spawn(() => sender.close());
      let received = 0;
      for await (const chunk of fromReadable<Uint8Array>(pipe)) received += chunk.length;
      await closing;
      assert.equal(received, sent);
      assert.ok(sent <= 5_000, `${sent}`);
    }),
  ));
