/** Frames behind their length: however the bytes are cut, the frames come out as they went in. */
import assert from "node:assert/strict";
import test from "node:test";
import { FrameError } from "coppice";
import { type FrameDecoder, type Framing, lengthPrefixed } from "coppice/net";
import fc from "fast-check";

const framing = lengthPrefixed();
const utf8 = new TextDecoder();

/** All complete frames, as text, of what has been pushed. */
function texts(decoder: FrameDecoder): string[] {
  const found: string[] = [];
  for (let text = decoder.nextText(); text !== undefined; text = decoder.nextText()) found.push(text);
  return found;
}

/** The same by way of `next`. */
function views(decoder: FrameDecoder): string[] {
  const found: string[] = [];
  for (let view = decoder.next(); view !== undefined; view = decoder.next()) found.push(utf8.decode(view));
  return found;
}

function decodeAll(chunks: readonly Uint8Array[], take = texts, how: Framing = framing): string[] {
  const decoder = how.decoder();
  const found: string[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    found.push(...take(decoder));
  }
  decoder.end();
  return found;
}

/** `bytes` in pieces that end at `cuts`; each piece has memory of its own, as received bytes do. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
}

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
}

function frame(body: Uint8Array): Buffer {
  return Buffer.concat([header(body.length), body]);
}

function frameError(run: () => unknown): FrameError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof FrameError, `expected a FrameError, got ${String(error)}`);
    return error;
  }
  return assert.fail("expected a FrameError");
}

test("a frame is its length as int32, big end first, then its bytes", () => {
  assert.deepEqual(
    Buffer.from(framing.encode(['{"method": "foo"}'])),
    Buffer.concat([Buffer.from([0, 0, 0, 17]), Buffer.from('{"method": "foo"}')]),
  );
});

test("the length counts bytes, not characters", () => {
  assert.deepEqual(Buffer.from(framing.encode(["é€😀"])).subarray(0, 4), header(9));
});

test("several texts are encoded as that many frames in one piece", () => {
  assert.deepEqual(
    Buffer.from(framing.encode(["a", "", "bc"])),
    Buffer.concat([frame(Buffer.from("a")), frame(Buffer.from("")), frame(Buffer.from("bc"))]),
  );
});

test("no texts are no bytes", () => {
  assert.equal(framing.encode([]).length, 0);
});

test("frames come out whole wherever the bytes are cut in two", () => {
  const sent = ["", "a", "é€😀", "x".repeat(300), ""];
  const bytes = framing.encode(sent);
  for (let cut = 0; cut <= bytes.length; cut++) {
    for (const take of [texts, views]) {
      assert.deepEqual(decodeAll(cutAt(bytes, [cut]), take), sent, `cut at ${cut}`);
    }
  }
});

test("frames come out whole wherever the bytes are cut in three", () => {
  const sent = ["one", "", "two: é"];
  const bytes = framing.encode(sent);
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      assert.deepEqual(decodeAll(cutAt(bytes, [first, second])), sent, `cut at ${first} and ${second}`);
    }
  }
});

test("frames come out whole when the bytes come one at a time", () => {
  const sent = ["", "a", "é€😀".repeat(200), "tail"];
  const bytes = framing.encode(sent);
  const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
  assert.deepEqual(decodeAll(single), sent);
  assert.deepEqual(decodeAll(single, views), sent);
});

test("what was encoded is decoded, for all texts and all cuts", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", maxLength: 600 }), { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (sent, cuts) => {
        const chunks = cutAt(framing.encode(sent), cuts);
        assert.deepEqual(decodeAll(chunks), sent);
        assert.deepEqual(decodeAll(chunks, views), sent);
      },
    ),
    { numRuns: 500 },
  );
});

test("bytes of every kind come out of next as they went in, for all cuts", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 10 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (bodies, cuts) => {
        const decoder = framing.decoder();
        const found: string[] = [];
        for (const chunk of cutAt(Buffer.concat(bodies.map(frame)), cuts)) {
          decoder.push(chunk);
          for (let view = decoder.next(); view !== undefined; view = decoder.next()) {
            found.push(Buffer.from(view).toString("hex"));
          }
        }
        decoder.end();
        assert.deepEqual(
          found,
          bodies.map((body) => Buffer.from(body).toString("hex")),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test("next and nextText may be mixed", () => {
  const decoder = framing.decoder();
  decoder.push(framing.encode(["one", "two", "three"]));
  assert.equal(decoder.nextText(), "one");
  assert.equal(utf8.decode(decoder.next()), "two");
  assert.equal(decoder.nextText(), "three");
  assert.equal(decoder.next(), undefined);
});

test("a chunk that is a window into larger memory is read within its bounds", () => {
  const bytes = framing.encode(["windowed"]);
  const memory = new Uint8Array(100).fill(255);
  memory.set(bytes, 30);
  assert.deepEqual(decodeAll([memory.subarray(30, 30 + bytes.length)]), ["windowed"]);
});

test("an empty chunk changes nothing, between frames and inside one", () => {
  const bytes = framing.encode(["abc"]);
  const none = new Uint8Array(0);
  assert.deepEqual(decodeAll([none, bytes.slice(0, 2), none, bytes.slice(2, 5), none, bytes.slice(5), none]), ["abc"]);
});

test("ten thousand frames in one chunk come out in order", () => {
  const sent = Array.from({ length: 10_000 }, (_, index) => `{"n":${index}}`);
  assert.deepEqual(decodeAll([framing.encode(sent)]), sent);
});

test("an empty body is a frame", () => {
  assert.deepEqual(decodeAll([header(0)]), [""]);
});

test("a frame of exactly the limit passes, both ways", () => {
  const small = lengthPrefixed({ maxFrameBytes: 5 });
  assert.deepEqual(decodeAll([small.encode(["12345"])], texts, small), ["12345"]);
});

test("a frame of 16 MiB passes by default, in the chunks in which a socket would give it", () => {
  const body = "x".repeat(16 * 1024 * 1024);
  const bytes = framing.encode([body, "next"]);
  const cuts = Array.from({ length: Math.floor(bytes.length / 65_536) }, (_, index) => (index + 1) * 65_536);
  const found = decodeAll(cutAt(bytes, cuts));
  assert.equal(found.length, 2);
  assert.ok(found[0] === body, "the large frame is unchanged");
  assert.equal(found[1], "next");
});

test("a negative length is refused and named", () => {
  for (const length of [-1, -(2 ** 31)]) {
    const decoder = framing.decoder();
    decoder.push(header(length));
    assert.match(frameError(() => decoder.nextText()).message, new RegExp(`${length} bytes.*negative`));
  }
});

test("a negative length is refused when its header comes in pieces", () => {
  const decoder = framing.decoder();
  decoder.push(header(-2).subarray(0, 3));
  assert.equal(decoder.nextText(), undefined);
  decoder.push(header(-2).subarray(3));
  assert.match(frameError(() => decoder.nextText()).message, /-2 bytes/);
});

test("a length above the limit is refused at its header, and the message names maxFrameBytes", () => {
  const small = lengthPrefixed({ maxFrameBytes: 1_000 });
  for (const pieces of [[header(1_001)], [header(1_001).subarray(0, 1), header(1_001).subarray(1)]]) {
    const decoder = small.decoder();
    const error = frameError(() => {
      for (const piece of pieces) {
        decoder.push(piece);
        decoder.next();
      }
    });
    assert.match(error.message, /1001 bytes.*maxFrameBytes \(1000\)/);
    assert.equal(error.code, "FRAME");
  }
});

test("frames before a bad length are delivered first", () => {
  const decoder = framing.decoder();
  decoder.push(Buffer.concat([framing.encode(["good"]), header(-1)]));
  assert.equal(decoder.nextText(), "good");
  frameError(() => decoder.nextText());
});

test("a text above the limit is not encoded, and the message names maxFrameBytes", () => {
  const small = lengthPrefixed({ maxFrameBytes: 5 });
  assert.match(frameError(() => small.encode(["ok", "123456"])).message, /6 bytes.*maxFrameBytes \(5\)/);
  // Two characters, but six bytes.
  assert.match(frameError(() => small.encode(["€€"])).message, /6 bytes/);
});

test("an end between frames is no error", () => {
  const decoder = framing.decoder();
  decoder.end();
  decoder.push(framing.encode(["whole"]));
  assert.deepEqual(texts(decoder), ["whole"]);
  decoder.end();
});

test("an end inside the header is an error that says so", () => {
  for (const count of [1, 2, 3]) {
    const decoder = framing.decoder();
    decoder.push(header(7).subarray(0, count));
    assert.equal(decoder.nextText(), undefined);
    assert.match(frameError(() => decoder.end()).message, new RegExp(`inside a frame: ${count} of 4 bytes.*length`));
  }
});

test("an end inside the body is an error that says how much had come", () => {
  const bytes = framing.encode(["four"]);
  for (let count = 4; count < bytes.length; count++) {
    const decoder = framing.decoder();
    decoder.push(bytes.slice(0, count));
    assert.equal(decoder.nextText(), undefined);
    assert.match(frameError(() => decoder.end()).message, new RegExp(`${count} of 8 bytes.*body`));
  }
});

test("a body that is no UTF-8 is an error of nextText alone, and the next frame comes out", () => {
  const wrong = [[0xff], [0xc3], [0x61, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]];
  for (const body of wrong) {
    const bytes = Buffer.concat([frame(Uint8Array.from(body)), framing.encode(["next"])]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const decoder = framing.decoder();
      const found: (string | undefined)[] = [];
      let failures = 0;
      for (const chunk of cutAt(bytes, [cut])) {
        decoder.push(chunk);
        for (;;) {
          try {
            const text = decoder.nextText();
            if (text === undefined) break;
            found.push(text);
          } catch (error) {
            assert.ok(!(error instanceof FrameError), "the stream is still in step");
            failures++;
          }
        }
      }
      assert.equal(failures, 1);
      assert.deepEqual(found, ["next"]);
    }
  }
});

test("a replacement character that was sent as one is text like any other", () => {
  assert.deepEqual(decodeAll([framing.encode(["\ufffd", "a\ufffdb"])]), ["\ufffd", "a\ufffdb"]);
});

test("a byte order mark is kept", () => {
  assert.deepEqual(decodeAll([framing.encode(["\ufeffx", "\ufeff\ufffd"])]), ["\ufeffx", "\ufeff\ufffd"]);
});

test("a large frame that is announced and not sent costs next to nothing", () => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 200 }, () => {
    const decoder = framing.decoder();
    decoder.push(Buffer.concat([header(16 * 1024 * 1024), Buffer.from("{")]));
    assert.equal(decoder.next(), undefined);
    return decoder;
  });
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 1024 * 1024, `200 decoders hold ${grown} bytes for 5 bytes received each`);
  for (const decoder of decoders) frameError(() => decoder.end());
});

test("an incomplete frame holds at most about twice what has come of it", () => {
  const decoder = framing.decoder();
  decoder.push(header(16 * 1024 * 1024));
  assert.equal(decoder.next(), undefined);
  const chunk = new Uint8Array(65_536);
  const before = process.memoryUsage().arrayBuffers;
  for (let sent = 0; sent < 1024 * 1024; sent += chunk.length) {
    decoder.push(chunk);
    assert.equal(decoder.next(), undefined);
  }
  // What it outgrew may not have been collected yet: 2 + 1 + 1/2 + ... MiB.
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown <= 4.5 * 1024 * 1024, `${grown} bytes are held for 1 MiB received`);
});

test("a limit that makes no sense is refused", () => {
  for (const maxFrameBytes of [0, -1, 1.5, 2 ** 31, Infinity, NaN]) {
    assert.throws(() => lengthPrefixed({ maxFrameBytes }), {
      name: "RangeError",
      message: new RegExp(`maxFrameBytes.*${maxFrameBytes}`),
    });
  }
  assert.throws(() => lengthPrefixed({ maxFrameBytes: "100" as unknown as number }), RangeError);
  assert.equal(lengthPrefixed({ maxFrameBytes: 2 ** 31 - 1 }).maxFrameBytes, 2 ** 31 - 1);
  assert.equal(lengthPrefixed({ maxFrameBytes: 1 }).maxFrameBytes, 1);
});

test("decoders of one framing share nothing", () => {
  const [first, second] = [framing.decoder(), framing.decoder()];
  const bytes = framing.encode(["shared?"]);
  first.push(bytes.slice(0, 6));
  assert.equal(first.nextText(), undefined);
  second.push(bytes);
  assert.equal(second.nextText(), "shared?");
  first.push(bytes.slice(6));
  assert.equal(first.nextText(), "shared?");
});
