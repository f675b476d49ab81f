/** What holds of every framing, however the bytes are cut and whatever they are. */
import assert from "node:assert/strict";
import test from "node:test";
import { contentLength, type Framing, lengthPrefixed, lines, untilEof } from "coppice/net";
import fc from "fast-check";
import { cutAt, decodeAll, frameError, latin1, outcomeOf, single, texts, views } from "./frames.ts";

const MAX = 100;

interface Row {
  readonly name: string;
  readonly make: (maxFrameBytes?: number) => Framing;
  /** A frame that it can carry, of bytes that came from anywhere. */
  readonly tame?: (frame: Buffer) => Buffer;
  readonly holdsOneFrame?: boolean;
  /** What its end-of-file completes is a frame. */
  readonly endsAnywhere?: boolean;
}

/** No line break inside, none at the end. */
function oneLine(frame: Buffer): Buffer {
  return Buffer.from(frame.toString("latin1").replaceAll("\n", " ").replace(/\r$/, " "), "latin1");
}

const limits = (maxFrameBytes: number | undefined) => (maxFrameBytes === undefined ? {} : { maxFrameBytes });

const prefixes = ([1, 2, 4] as const).flatMap((lengthBytes) =>
  (["big", "little"] as const).flatMap((endian) => [true, false].map((signed) => ({ lengthBytes, endian, signed }))),
);

const rows: readonly Row[] = [
  ...prefixes.map((prefix) => ({
    name: `lengthPrefixed ${prefix.signed ? "int" : "uint"}${prefix.lengthBytes * 8} ${prefix.endian}`,
    make: (max?: number) => lengthPrefixed({ ...prefix, ...limits(max) }),
  })),
  {
    name: "lines",
    make: (max) => lines(max === undefined ? {} : { maxLineBytes: max }),
    tame: oneLine,
    endsAnywhere: true,
  },
  {
    name: "lines that all end",
    make: (max) => lines({ unterminated: "error", ...(max === undefined ? {} : { maxLineBytes: max }) }),
    tame: oneLine,
  },
  { name: "contentLength", make: (max) => contentLength(limits(max)) },
  { name: "untilEof", make: (max) => untilEof(limits(max)), holdsOneFrame: true, endsAnywhere: true },
];

/** What a peer may send that knows the framing, and does not keep to it. */
const nonsense = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          "Content-Length: ",
          "content-length:",
          "Content-Type: x; charset=",
          "\r\n",
          "\r\n\r\n",
          "\n",
          "\r",
        ),
        fc.constantFrom("3", "-1", "0", "99", "101", "1e3", " ", ":", "utf-8", "latin1", "\0\0\0\x03", "\x7f", "\xff"),
        fc.string({ maxLength: 5 }),
      ),
      { maxLength: 20 },
    )
    .map((parts) => Buffer.from(parts.join(""), "latin1")),
);

for (const { name, make, tame = (frame: Buffer) => frame, holdsOneFrame = false, endsAnywhere = false } of rows) {
  const framing = make(MAX);

  test(`${name}: all frames come out as they went in, cut at every byte`, () => {
    const sent = holdsOneFrame ? ["é€😀 and more"] : ["", "a", "é€😀", "x".repeat(MAX), ""];
    const bytes = framing.encode(sent);
    const asBytes = sent.map((text) => latin1(Buffer.from(text)));
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.deepEqual(decodeAll(framing, cutAt(bytes, [cut])), sent, `texts, cut at ${cut}`);
      assert.deepEqual(decodeAll(framing, cutAt(bytes, [cut]), views), asBytes, `bytes, cut at ${cut}`);
    }
    assert.deepEqual(decodeAll(framing, single(bytes)), sent, "texts, one byte at a time");
    assert.deepEqual(decodeAll(framing, single(bytes), views), asBytes, "bytes, one at a time");
  });

  test(`${name}: any frames, cut anywhere, come out as they went in`, () => {
    const frame = fc.uint8Array({ maxLength: MAX }).map((bytes) => tame(Buffer.from(bytes)));
    fc.assert(
      fc.property(
        fc.array(frame, holdsOneFrame ? { minLength: 1, maxLength: 1 } : { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (sent, cuts) => {
          const chunks = cutAt(framing.encode(sent), cuts);
          assert.deepEqual(decodeAll(framing, chunks, views), sent.map(latin1));
        },
      ),
    );
  });

  test(`${name}: a text and its UTF-8 are the same frame`, () => {
    for (const text of ["", "plain", "é€😀"]) {
      assert.deepEqual(framing.encode([text]), framing.encode([new TextEncoder().encode(text)]));
    }
  });

  test(`${name}: nonsense ends in frames or in one FrameError, the same however it is cut`, () => {
    fc.assert(
      fc.property(nonsense, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
        const whole = outcomeOf(framing, [bytes]);
        assert.deepEqual(outcomeOf(framing, cutAt(bytes, cuts)), whole);
        assert.deepEqual(outcomeOf(framing, single(bytes)), whole);
        assert.ok(whole.frames.every((frame) => frame.length <= MAX));
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: a frame of the limit passes, one more byte does not, both ways`, () => {
    const small = make(5);
    assert.equal(small.maxFrameBytes, 5);
    assert.deepEqual(decodeAll(small, [small.encode(["12345"])]), ["12345"]);
    const limit = /max(Frame|Line)Bytes \(5\)/;
    for (const large of ["123456", Buffer.from("123456"), "€€"]) {
      assert.match(frameError(() => small.encode([large])).message, limit);
    }
    const bytes = framing.encode(["123456"]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.match(frameError(() => decodeAll(small, cutAt(bytes, [cut]))).message, limit, `cut at ${cut}`);
    }
  });

  test(`${name}: an end between frames is none inside one`, () => {
    const bytes = framing.encode(["a frame"]);
    assert.deepEqual(decodeAll(framing, [bytes]), ["a frame"]);
    for (let count = 1; count < bytes.length; count++) {
      const cut = [bytes.slice(0, count)];
      if (endsAnywhere) assert.deepEqual(decodeAll(framing, cut), ["a frame".slice(0, count)]);
      else assert.match(frameError(() => decodeAll(framing, cut)).message, /^the stream ended inside a /);
    }
  });

  test(`${name}: what is no UTF-8 is an error of nextText alone`, () => {
    const decoder = framing.decoder();
    const wrong = Buffer.from([0x61, 0xc3]);
    decoder.push(framing.encode(holdsOneFrame ? [wrong] : [wrong, "next"]));
    const read = (): string[] => texts(decoder);
    if (holdsOneFrame) {
      assert.deepEqual(read(), []);
      decoder.end();
    }
    assert.throws(read, { name: "TypeError" });
    assert.deepEqual(read(), holdsOneFrame ? [] : ["next"]);
  });

  test(`${name}: a byte order mark and a replacement character are text like any other`, () => {
    for (const text of ["\ufeffx", "a\ufffdb"]) assert.deepEqual(decodeAll(framing, [framing.encode([text])]), [text]);
  });

  test(`${name}: frames are the receiver's own, and later bytes do not change them`, () => {
    const decoder = framing.decoder();
    const bytes = framing.encode(["first"]);
    const taken: Uint8Array[] = [];
    const takeAll = (): void => {
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) taken.push(frame);
    };
    for (const half of [bytes.slice(0, 3), bytes.slice(3)]) {
      decoder.push(half);
      takeAll();
    }
    if (!holdsOneFrame) {
      for (const half of single(framing.encode(["later"]))) {
        decoder.push(half);
        takeAll();
      }
    }
    decoder.end();
    takeAll();
    assert.deepEqual(taken.map(latin1), holdsOneFrame ? ["first"] : ["first", "later"]);
  });

  test(`${name}: decoders share nothing`, () => {
    const [one, other] = [framing.decoder(), framing.decoder()];
    const bytes = framing.encode(["shared?"]);
    one.push(bytes.slice(0, 4));
    assert.equal(one.nextText(), undefined);
    other.push(bytes);
    one.push(bytes.slice(4));
    for (const decoder of [one, other]) {
      const found = texts(decoder);
      decoder.end();
      assert.deepEqual([...found, ...texts(decoder)], ["shared?"]);
    }
  });

  test(`${name}: a limit that makes no sense is refused, and named`, () => {
    for (const limit of [0, -1, 1.5, Infinity, NaN, "5" as unknown as number]) {
      assert.throws(() => make(limit), { name: "RangeError", message: /max(Frame|Line)Bytes/ });
    }
  });
}
