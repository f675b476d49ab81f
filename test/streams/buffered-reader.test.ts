/** Buffered reading: what each read gives, and that what it does not use stays. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, BusyError, ClosedError, cancelScope, FrameError, sleep, taskGroup } from "coppice";
import {
  BufferedReader,
  type BufferedReaderOptions,
  type ByteStream,
  IncompleteReadError,
  memoryPair,
} from "coppice/net";
import { waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString("latin1");

interface Ends {
  readonly peer: ByteStream;
  readonly stream: ByteStream;
  readonly reader: BufferedReader;
}

/** A reader of what `sent` sends, in chunks, and then ends. Without `sent`, the test is the peer. */
function reading(
  sent: readonly string[] | undefined,
  body: (reader: BufferedReader, ends: Ends) => Promise<void>,
  options: BufferedReaderOptions = {},
): Promise<void> {
  return virtually(async () => {
    const [peer, stream] = memoryPair();
    const reader = new BufferedReader(stream, options);
    try {
      await taskGroup(async (group) => {
        group.spawn(
          async () => {
            for (const chunk of sent ?? []) {
              await peer.send(Buffer.from(chunk, "latin1"));
              await sleep(1);
            }
            if (sent !== undefined) await peer.sendEof();
          },
          { background: true },
        );
        await body(reader, { peer, stream, reader });
      });
    } finally {
      reader.abort();
      stream.abort();
      peer.abort();
    }
  });
}

test("readExactly gives so many bytes, over chunks and out of one, and keeps the rest", () =>
  reading(["ab", "cdefg", "h"], async (reader) => {
    assert.equal(text(await reader.readExactly(3)), "abc");
    assert.equal(reader.bufferedBytes, 4);
    assert.equal(text(await reader.readExactly(2)), "de");
    assert.equal(text(await reader.readExactly(0)), "");
    assert.equal(text(await reader.readExactly(3)), "fgh");
  }));

test("readUntil gives what comes up to the delimiter and with it, be that cut in two", () =>
  reading(["one-", "=-two-", "=", "-=-=- rest"], async (reader) => {
    assert.equal(text(await reader.readUntil("-=-")), "one-=-");
    assert.equal(text(await reader.readUntil(Buffer.from("-=-"))), "two-=-");
    assert.equal(text(await reader.readUntil("=-")), "=-");
    assert.equal(text(await reader.readAll()), "=- rest");
  }));

test("readLine gives lines without their end, the last also where it has none, and undefined at end-of-file", () =>
  reading(["on", "e\ntwo\r", "\n\nthr\ree"], async (reader) => {
    const found: (string | undefined)[] = [];
    for (let count = 0; count < 6; count++) found.push(await reader.readLine());
    assert.deepEqual(found, ["one", "two", "", "thr\ree", undefined, undefined]);
  }));

test("a line that is no UTF-8 is a TypeError, and the next line is read", () =>
  reading(["a\xc3\nnext\n"], async (reader) => {
    assert.ok((await rejection(reader.readLine())) instanceof TypeError);
    assert.equal(await reader.readLine(), "next");
  }));

test("peek shows what is next, and takes nothing; at end-of-file what there is", () =>
  reading(["ab", "cd"], async (reader) => {
    assert.equal(text(await reader.peek(3)), "abc");
    assert.equal(text(await reader.peek(1)), "a");
    assert.equal(text(await reader.readExactly(1)), "a");
    assert.equal(text(await reader.peek(100)), "bcd");
    assert.equal(text(await reader.readAll()), "bcd");
    assert.equal(text(await reader.peek(1)), "");
  }));

test("readAll gives everything up to end-of-file, and then nothing", () =>
  reading(["ab", "cd", "ef"], async (reader) => {
    assert.equal(text(await reader.readExactly(1)), "a");
    assert.equal(text(await reader.readAll()), "bcdef");
    assert.equal(text(await reader.readAll()), "");
    assert.equal(await reader.receive(), undefined);
  }));

test("receive gives what is buffered first, then what comes, and reads nothing ahead", () =>
  reading(["abcdef", "ghi"], async (reader) => {
    await reader.readExactly(1);
    assert.equal(text(await reader.receive(2)), "bc");
    assert.equal(text(await reader.receive()), "def");
    assert.equal(text(await reader.receive(2)), "gh");
    assert.equal(reader.bufferedBytes, 0);
    const rest: string[] = [];
    for await (const chunk of reader) rest.push(text(chunk) ?? "");
    assert.deepEqual(rest, ["i"]);
  }));

test("an end before all of it had come is an error that carries what had, which is then used up", () =>
  reading(["abc"], async (reader) => {
    const error = await rejection(reader.readExactly(5));
    assert.ok(error instanceof IncompleteReadError);
    assert.equal(error.code, "INCOMPLETE_READ");
    assert.equal(error.message, "readExactly: the stream ended after 3 of 5 bytes");
    assert.equal(text(error.partial), "abc");
    const next = await rejection(reader.readUntil("x"));
    assert.ok(next instanceof IncompleteReadError);
    assert.equal(next.message, "readUntil: the stream ended after 0 bytes, without the delimiter");
    assert.equal(next.partial.length, 0);
  }));

test("what would be more than the limit is an error that names it, and leaves the data", () =>
  reading(
    ["123", "45678", "90"],
    async (reader) => {
      const limit = /maxBufferedBytes is 5: raise that limit, or take the bytes in parts with receive$/;
      for (const read of [
        () => reader.readUntil("x"),
        () => reader.readUntil("6"),
        () => reader.readLine(),
        () => reader.readAll(),
        () => reader.readExactly(6),
        () => reader.peek(6),
      ]) {
        const error = await rejection(read());
        assert.ok(error instanceof FrameError);
        assert.match(error.message, limit);
        assert.ok(reader.bufferedBytes <= 6, "one more than the limit at most");
      }
      assert.equal(text(await reader.peek(5)), "12345");
      assert.equal(text(await reader.readUntil("5")), "12345", "a find of just the limit");
      assert.equal(text(await reader.readAll()), "67890", "and all that is just the limit");
    },
    { maxBufferedBytes: 5 },
  ));

test("a read that is cancelled half way loses nothing, and another kind of read goes on from there", () =>
  reading(undefined, async (reader, { peer }) => {
    for (const [sent, read] of [
      ["ab", () => reader.readExactly(10)],
      ["cd", () => reader.readLine()],
      ["ef", () => reader.readUntil("x")],
      ["gh", () => reader.peek(20)],
      ["ij", () => reader.readAll()],
    ] as const) {
      await cancelScope(async (scope) => {
        const waiting = cancellation(read());
        await peer.send(Buffer.from(sent));
        await waitAllTasksBlocked();
        scope.cancel();
        assert.equal((await waiting).scope, scope);
      });
    }
    assert.equal(text(await reader.readExactly(10)), "abcdefghij");
  }));

test("in a cancelled scope nothing is taken, though all of it is there", () =>
  reading(["line\n"], async (reader) => {
    await reader.peek(5);
    await cancelScope(async (scope) => {
      scope.cancel();
      for (const read of [
        () => reader.readLine(),
        () => reader.readExactly(1),
        () => reader.receive(),
        () => reader.peek(1),
      ]) {
        await cancellation(read());
      }
    });
    assert.equal(await reader.readLine(), "line");
  }));

test("a second reader is a BusyError, whatever it wants, and the first is not disturbed", () =>
  reading(undefined, async (reader, { peer }) => {
    const first = reader.readExactly(4);
    await peer.send(Buffer.from("ab"));
    await waitAllTasksBlocked();
    for (const second of [
      () => reader.receive(),
      () => reader.readExactly(1),
      () => reader.readLine(),
      () => reader.peek(1),
    ]) {
      assert.ok((await rejection(second())) instanceof BusyError);
    }
    assert.throws(() => reader.unread(Buffer.from("x")), BusyError);
    assert.throws(() => reader.detach(), BusyError);
    await peer.send(Buffer.from("cd"));
    assert.equal(text(await first), "abcd");
    assert.equal(text(reader.detach()), "");
  }));

test("bytes given back are read next, before what is buffered", () =>
  reading(["cde"], async (reader) => {
    await reader.peek(1);
    reader.unread(Buffer.from("ab"));
    reader.unread(new Uint8Array(0));
    assert.equal(text(await reader.readAll()), "abcde");
    reader.unread(Buffer.from("again"));
    assert.equal(text(await reader.readAll()), "again");
  }));

test("a reader that is detached gives what it had, and leaves the stream open for who goes on with it", () =>
  reading(["upgrade\nbinary", "!"], async (reader, { stream }) => {
    assert.equal(await reader.readLine(), "upgrade");
    const rest = reader.detach();
    assert.equal(text(rest), "binary");
    const error = await rejection(reader.readLine());
    assert.ok(error instanceof ClosedError);
    assert.match(error.message, /detached/);
    assert.throws(() => reader.detach(), ClosedError);
    assert.throws(() => reader.unread(rest), ClosedError);
    await reader.close();
    reader.abort();
    const next = new BufferedReader(stream);
    next.unread(rest);
    assert.equal(text(await next.readAll()), "binary!");
  }));

test("closing the reader closes the stream, and what was buffered is gone", () =>
  reading(["a\nb\n"], async (reader, { stream, peer }) => {
    assert.equal(await reader.readLine(), "a");
    {
      await using closed = reader;
      assert.equal(closed.bufferedBytes, 2);
    }
    assert.ok((await rejection(reader.readLine())) instanceof ClosedError);
    assert.ok((await rejection(stream.receive())) instanceof ClosedError);
    assert.equal(await peer.receive(), undefined);
    assert.equal(reader.bufferedBytes, 0);
    await reader.close();
  }));

test("closing gives a blocked read ClosedError", () =>
  reading(undefined, async (reader, { peer }) => {
    const waiting = rejection(reader.readExactly(3));
    await peer.send(Buffer.from("ab"));
    await waitAllTasksBlocked();
    await reader.close();
    assert.ok((await waiting) instanceof ClosedError);
  }));

test("a connection that is lost fails the read, and what had come can still be read", () =>
  reading(undefined, async (reader, { peer }) => {
    await peer.send(Buffer.from("abc"));
    await reader.peek(1);
    const waiting = rejection(reader.readExactly(5));
    peer.abort();
    assert.ok((await waiting) instanceof BrokenError);
    assert.equal(text(await reader.readExactly(2)), "ab");
    assert.equal(text(await reader.receive()), "c");
    assert.ok((await rejection(reader.receive())) instanceof BrokenError);
  }));

test("what was read stays as it was, whatever is read after", () =>
  reading(["ab", "cd", "ef", "gh"], async (reader) => {
    const parts = [await reader.readExactly(3), await reader.readExactly(2), await reader.readExactly(3)];
    assert.deepEqual(parts.map(text), ["abc", "de", "fgh"]);
    parts[0]?.fill(0);
    assert.deepEqual(parts.slice(1).map(text), ["de", "fgh"]);
  }));

test("arguments that make no sense are refused and take nothing", () =>
  reading(["ok"], async (reader) => {
    for (const wrong of [-1, 1.5, NaN, Infinity, "1" as never]) {
      for (const read of [() => reader.readExactly(wrong), () => reader.peek(wrong), () => reader.receive(wrong)]) {
        assert.ok((await rejection(read())) instanceof RangeError);
      }
    }
    for (const read of [() => reader.peek(0), () => reader.receive(0), () => reader.readUntil("")]) {
      assert.ok((await rejection(read())) instanceof RangeError);
    }
    assert.throws(() => new BufferedReader(reader, { maxBufferedBytes: 0 }), {
      name: "RangeError",
      message: /maxBufferedBytes from 1 .* got 0/,
    });
    assert.equal(text(await reader.readAll()), "ok");
  }));
