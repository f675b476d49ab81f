/** The base protocol of the Language Server Protocol: what its headers may be, and what is said where they are not. */
import assert from "node:assert/strict";
import test from "node:test";
import { contentLength } from "coppice/net";
import { cutAt, decodeAll, frameError, outcomeOf } from "./frames.ts";

const framing = contentLength({ maxFrameBytes: 1_000, maxHeaderBytes: 200 });

function frames(text: string): string[] {
  return decodeAll(framing, [Buffer.from(text, "latin1")]);
}

/** The error that `text` ends in, wherever it is cut. */
function errorOf(text: string, how = framing): string {
  const bytes = Buffer.from(text, "latin1");
  const { error } = outcomeOf(how, [bytes]);
  for (let cut = 0; cut <= bytes.length; cut++) assert.equal(outcomeOf(how, cutAt(bytes, [cut])).error, error);
  return error ?? assert.fail(`no error for ${JSON.stringify(text)}`);
}

test("a frame is sent with its length in bytes and no other header", () => {
  const sent = Buffer.from(framing.encode(["hello", "é€", ""]));
  assert.equal(sent.toString(), "Content-Length: 5\r\n\r\nhelloContent-Length: 5\r\n\r\né€Content-Length: 0\r\n\r\n");
});

test("the names of headers have no case, and around values there may be blanks or none", () => {
  assert.deepEqual(frames("content-length:2\r\n\r\nabCONTENT-LENGTH: \t 2 \t\r\n\r\ncd"), ["ab", "cd"]);
});

test("headers that are not known are passed over, in any order", () => {
  assert.deepEqual(frames("X-Trace: a:b:c\r\nContent-Length: 2\r\nEmpty:\r\n\r\nab"), ["ab"]);
});

test("a Content-Type may say that the text is UTF-8, or nothing of it", () => {
  for (const type of [
    "application/vscode-jsonrpc; charset=utf-8",
    "application/vscode-jsonrpc; charset=utf8",
    'application/vscode-jsonrpc;x=1; Charset = "UTF-8"',
    "application/vscode-jsonrpc",
    "",
  ]) {
    assert.deepEqual(frames(`Content-Type: ${type}\r\nContent-Length: 2\r\n\r\nab`), ["ab"], type);
  }
});

test("a charset that is another is an error that names it", () => {
  for (const type of ["text/plain; charset=utf-16", 'text/plain; charset="utf-16"', "x;charset=utf-16 ; y=1"]) {
    const error = errorOf(`Content-Length: 2\r\nContent-Type: ${type}\r\n\r\nab`);
    assert.equal(error, 'a Content-Type with the charset "utf-16": only utf-8 can be read');
  }
});

test("headers without a length are an error", () => {
  for (const headers of ["Content-Type: a\r\n\r\n", "\r\n"]) {
    assert.equal(errorOf(headers), "the headers of a frame ended without a Content-Length");
  }
});

test("two lengths are an error, be they the same", () => {
  const error = errorOf("Content-Length: 2\r\ncontent-length: 2\r\n\r\nab");
  assert.equal(error, 'a frame has two Content-Length headers: 2 and "2"');
});

test("a negative length is an error that says it", () => {
  assert.equal(errorOf("Content-Length: -5\r\n\r\n"), 'a Content-Length cannot be negative, got "-5"');
});

test("a length that is no number of bytes is an error that shows it", () => {
  for (const value of ["", "five", "5.0", "1e3", "0x10", "+5", "5 5", "5, 5", "٥".normalize()]) {
    const error = outcomeOf(framing, [Buffer.from(`Content-Length: ${value}\r\n\r\n`)]).error ?? "none";
    assert.match(error, /^expected a (number of bytes as Content-Length, got "|header like)/, value);
  }
  assert.match(errorOf("Content-Length: five\r\n\r\n"), /got "five"$/);
});

test("a length with zeros before it is a length", () => {
  assert.deepEqual(frames("Content-Length: 002\r\n\r\nab"), ["ab"]);
});

test("a body above the limit is refused at its headers, however many digits its length has", () => {
  assert.match(errorOf("Content-Length: 1001\r\n\r\n"), /1001 bytes is larger than maxFrameBytes \(1000\)/);
  assert.match(errorOf(`Content-Length: ${"9".repeat(150)}\r\n\r\n`), /larger than maxFrameBytes \(1000\)/);
});

test("a line that is no header is an error that shows it, shortened", () => {
  for (const line of ['{"jsonrpc":"2.0"', "no colon", ": 5", "Content-Length : 5", " Content-Length: 5", "A: b\rc"]) {
    assert.match(errorOf(`${line}\r\n\r\n`), /^expected a header like "Content-Length: 5", got "/, line);
  }
  assert.match(errorOf("Ä: 5\r\n\r\n"), /^expected a header/);
  assert.match(errorOf("A: \xff\r\n\r\n"), /^expected a header/);
  assert.ok(errorOf(`${"x".repeat(150)}\r\n\r\n`).length < 200);
});

test("a line that ends in a line feed alone is found out at once, not waited for", () => {
  const decoder = framing.decoder();
  decoder.push(Buffer.from("Content-Length: 5\n"));
  const { message } = frameError(() => decoder.next());
  assert.equal(message, 'a header ends in \\n alone, where \\r\\n is needed: "Content-Length: 5\\n"');
});

test("the headers of a frame are bounded together, with the empty line, and for each frame anew", () => {
  const small = contentLength({ maxHeaderBytes: 30 });
  const fits = `Content-Length: 1\r\nA: ${"b".repeat(4)}\r\n\r\n`;
  assert.equal(fits.length, 30);
  assert.deepEqual(decodeAll(small, [Buffer.from(`${fits}x${fits}y`)]), ["x", "y"]);
  for (const large of [`A: b\r\n${fits}`, `A${fits}`, "x".repeat(31)]) {
    assert.match(errorOf(large, small), /larger than maxHeaderBytes \(30\)/);
  }
});

test("the end inside the headers and the end inside the body are errors that say how much had come", () => {
  assert.equal(errorOf("Content-Len"), "the stream ended inside a frame: 11 bytes of its headers had come");
  assert.equal(errorOf("Content-Length: 5\r\n"), "the stream ended inside a frame: 19 bytes of its headers had come");
  assert.equal(
    errorOf("Content-Length: 5\r\n\r\nab"),
    "the stream ended inside a frame: 2 of 5 bytes of its body had come",
  );
});

test("a large frame that is announced and not sent costs next to nothing", () => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 200 }, () => {
    const decoder = contentLength().decoder();
    decoder.push(Buffer.from(`Content-Length: ${16 * 1024 * 1024}\r\n\r\n{`));
    assert.equal(decoder.next(), undefined);
    return decoder;
  });
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 1024 * 1024, `200 decoders hold ${grown} bytes for a few received each`);
  for (const decoder of decoders) frameError(() => decoder.end());
});

test("a limit of the headers that makes no sense is refused", () => {
  assert.throws(() => contentLength({ maxHeaderBytes: 0 }), { name: "RangeError", message: /maxHeaderBytes.*got 0/ });
});
