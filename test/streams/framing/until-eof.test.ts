/** A stream that is one frame. */
import assert from "node:assert/strict";
import test from "node:test";
import { untilEof } from "coppice/net";
import { decodeAll, frameError } from "./frames.ts";

test("all bytes up to the end are one frame, which comes once", () => {
  assert.deepEqual(decodeAll(untilEof(), [Buffer.from("a\nb"), Buffer.from(""), Buffer.from("c")]), ["a\nbc"]);
});

test("no bytes are an empty frame", () => {
  assert.deepEqual(decodeAll(untilEof(), []), [""]);
});

test("a frame is sent as it is, and there can be only one", () => {
  assert.equal(Buffer.from(untilEof().encode(["as it is"])).toString(), "as it is");
  assert.equal(untilEof().encode([]).length, 0);
  assert.match(frameError(() => untilEof().encode(["a", "b"])).message, /^send: 2 frames in a stream that is one/);
});

test("more than the limit is refused when it comes, not at the end", () => {
  const decoder = untilEof({ maxFrameBytes: 5 }).decoder();
  decoder.push(Buffer.from("12345"));
  assert.equal(decoder.next(), undefined);
  decoder.push(Buffer.from("6"));
  const error = frameError(() => decoder.next());
  assert.match(error.message, /^receive: more than maxFrameBytes \(5\) came before end-of-file: raise that limit/);
});
