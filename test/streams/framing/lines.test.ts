/** Lines: where they end, and what the last one is. */
import assert from "node:assert/strict";
import test from "node:test";
import { lines } from "coppice/net";
import { cutAt, decodeAll, frameError, outcomeOf } from "./frames.ts";

function linesOf(text: string): string[] {
  return decodeAll(lines(), [Buffer.from(text)]);
}

test("a line ends in a line feed, or a carriage return and one, which are no part of it", () => {
  assert.deepEqual(linesOf("one\ntwo\r\nthree\n"), ["one", "two", "three"]);
});

test("an empty line is an empty frame, and nothing after the last end is none", () => {
  assert.deepEqual(linesOf("\n\r\n\n"), ["", "", ""]);
  assert.deepEqual(linesOf("a\n"), ["a"]);
  assert.deepEqual(linesOf(""), []);
});

test("a carriage return that no line feed follows belongs to the line", () => {
  assert.deepEqual(linesOf("a\rb\n\r\r\n\rc\nlast\r"), ["a\rb", "\r", "\rc", "last\r"]);
});

test("no other character ends a line", () => {
  const line = "a\u2028b\u2029c\u0085d\ve\ff\0g";
  assert.deepEqual(linesOf(`${line}\n`), [line]);
});

test("a last line without an end is a frame, or where that is asked for an error that says so", () => {
  const strict = lines({ unterminated: "error" });
  for (let cut = 0; cut <= 8; cut++) {
    const chunks = cutAt(Buffer.from("one\nlast"), [cut]);
    assert.deepEqual(decodeAll(lines(), chunks), ["one", "last"]);
    assert.deepEqual(outcomeOf(strict, chunks), {
      frames: ["one"],
      error: "the stream ended inside a line: 4 bytes had come, and no line feed",
    });
  }
  assert.deepEqual(decodeAll(strict, [Buffer.from("one\nlast\n")]), ["one", "last"]);
});

test("the last line comes once, after the end", () => {
  const decoder = lines().decoder();
  decoder.push(Buffer.from("last"));
  assert.equal(decoder.nextText(), undefined);
  decoder.end();
  assert.equal(decoder.nextText(), "last");
  assert.equal(decoder.nextText(), undefined);
});

test("the limit counts the bytes of a line without its end", () => {
  const short = lines({ maxLineBytes: 4 });
  for (const ok of ["1234\n", "1234\r\n", "€1\n", "1234"]) {
    assert.equal(outcomeOf(short, [Buffer.from(ok)]).frames.length, 1, JSON.stringify(ok));
  }
  for (const tooLong of ["12345\n", "12345\r\n", "1234\r\r\n", "€€\n", "12345", "1234\r", "1234\rx"]) {
    for (let cut = 0; cut <= tooLong.length; cut++) {
      const { frames, error } = outcomeOf(short, cutAt(Buffer.from(tooLong), [cut]));
      assert.deepEqual(frames, []);
      assert.match(error ?? "none", /^receive: a line is longer than maxLineBytes \(4\)/, JSON.stringify(tooLong));
    }
  }
});

test("lines before one that is too long are delivered first", () => {
  const { frames } = outcomeOf(lines({ maxLineBytes: 4 }), [Buffer.from("one\n\ntwo\nthree\nfour\n")]);
  assert.deepEqual(frames, ["one", "", "two"]);
});

test("an endless line is refused when it has grown over the limit, and not kept", () => {
  const decoder = lines({ maxLineBytes: 64 * 1024 }).decoder();
  const before = process.memoryUsage().arrayBuffers;
  let pushed = 0;
  const error = frameError(() => {
    for (; pushed < 1024 * 1024; pushed += 1024) {
      decoder.push(Buffer.alloc(1024, "x"));
      assert.equal(decoder.next(), undefined);
    }
  });
  assert.match(error.message, /maxLineBytes \(65536\)/);
  assert.ok(pushed <= 65 * 1024, `${pushed} bytes were taken`);
  assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
});

test("a line is sent with a line feed", () => {
  assert.equal(Buffer.from(lines().encode(["one", "", "é"])).toString(), "one\n\né\n");
  assert.equal(lines().encode([]).length, 0);
});

test("what would come out as something else is not sent, and the error says why", () => {
  for (const bad of ["a\nb", "\n", "a\r\nb"]) {
    for (const frame of [bad, Buffer.from(bad)]) {
      assert.match(frameError(() => lines().encode(["fine", frame])).message, /a line feed inside the line, at \d/);
    }
  }
  for (const frame of ["a\r", Buffer.from("a\r")]) {
    assert.match(frameError(() => lines().encode([frame])).message, /ends in a carriage return/);
  }
  assert.deepEqual(decodeAll(lines(), [lines().encode(["a\rb"])]), ["a\rb"]);
});

test("an unterminated that is neither is refused", () => {
  assert.throws(() => lines({ unterminated: "drop" as never }), { name: "RangeError", message: /got drop/ });
});
