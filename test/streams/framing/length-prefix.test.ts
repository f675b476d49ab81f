/** The integers before frames: each width, each end, with a sign and without. (The usual one is tested in length-prefixed.test.ts.) */
import assert from "node:assert/strict";
import test from "node:test";
import { type LengthPrefixedOptions, lengthPrefixed } from "coppice/net";
import { cutAt, decodeAll, frameError } from "./frames.ts";

type Prefix = Required<Omit<LengthPrefixedOptions, "maxFrameBytes">>;

/** Each prefix with the length 5 written in it, and its largest. */
const prefixes: readonly [Prefix, number[], number][] = [
  [{ lengthBytes: 1, endian: "big", signed: true }, [5], 127],
  [{ lengthBytes: 1, endian: "little", signed: true }, [5], 127],
  [{ lengthBytes: 1, endian: "big", signed: false }, [5], 255],
  [{ lengthBytes: 2, endian: "big", signed: true }, [0, 5], 32_767],
  [{ lengthBytes: 2, endian: "little", signed: true }, [5, 0], 32_767],
  [{ lengthBytes: 2, endian: "big", signed: false }, [0, 5], 65_535],
  [{ lengthBytes: 2, endian: "little", signed: false }, [5, 0], 65_535],
  [{ lengthBytes: 4, endian: "big", signed: true }, [0, 0, 0, 5], 2 ** 31 - 1],
  [{ lengthBytes: 4, endian: "little", signed: true }, [5, 0, 0, 0], 2 ** 31 - 1],
  [{ lengthBytes: 4, endian: "big", signed: false }, [0, 0, 0, 5], 2 ** 32 - 1],
  [{ lengthBytes: 4, endian: "little", signed: false }, [5, 0, 0, 0], 2 ** 32 - 1],
];

for (const [prefix, five, largest] of prefixes) {
  const name = `${prefix.signed ? "int" : "uint"}${prefix.lengthBytes * 8} ${prefix.endian}`;

  test(`${name}: the length comes first, as that integer`, () => {
    const bytes = lengthPrefixed(prefix).encode(["hello"]);
    assert.deepEqual([...bytes], [...five, ...Buffer.from("hello")]);
  });

  test(`${name}: the limit is what the integer can say, or 16 MiB`, () => {
    assert.equal(lengthPrefixed(prefix).maxFrameBytes, Math.min(largest, 16 * 1024 * 1024));
    assert.equal(lengthPrefixed({ ...prefix, maxFrameBytes: largest }).maxFrameBytes, largest);
    assert.throws(() => lengthPrefixed({ ...prefix, maxFrameBytes: largest + 1 }), {
      name: "RangeError",
      message: `lengthPrefixed: expected maxFrameBytes from 1 to ${largest}, got ${largest + 1}`,
    });
  });

  test(`${name}: the largest frame passes, whole and in two pieces`, () => {
    const framing = lengthPrefixed(prefix);
    const frame = "x".repeat(Math.min(framing.maxFrameBytes, 70_000));
    const bytes = framing.encode([frame, ""]);
    for (const cut of [0, 1, prefix.lengthBytes, 100, bytes.length]) {
      const found = decodeAll(framing, cutAt(bytes, [cut]));
      assert.ok(found[0] === frame && found[1] === "" && found.length === 2, `cut at ${cut}`);
    }
  });

  test(`${name}: all bits set are minus one, or the largest length`, () => {
    const all = new Uint8Array(prefix.lengthBytes).fill(0xff);
    const expected = prefix.signed
      ? /announces -1 bytes: a length cannot be negative/
      : `${largest} bytes is larger than`;
    for (let cut = 0; cut <= all.length; cut++) {
      const decode = (): unknown => decodeAll(lengthPrefixed({ ...prefix, maxFrameBytes: 100 }), cutAt(all, [cut]));
      assert.match(frameError(decode).message, new RegExp(expected));
    }
  });

  test(`${name}: a bad length is refused as often as one asks`, () => {
    const decoder = lengthPrefixed({ ...prefix, maxFrameBytes: 4 }).decoder();
    for (const byte of five) {
      assert.equal(decoder.next(), undefined);
      decoder.push(Uint8Array.of(byte));
    }
    for (let asked = 0; asked < 3; asked++) assert.match(frameError(() => decoder.next()).message, /5 bytes is larger/);
  });
}

test("a length of another size, or with another end, is refused", () => {
  for (const lengthBytes of [0, 3, 8, NaN] as never[]) {
    assert.throws(() => lengthPrefixed({ lengthBytes }), {
      name: "RangeError",
      message: /lengthBytes of 1, 2 or 4, got/,
    });
  }
  assert.throws(() => lengthPrefixed({ endian: "middle" as never }), { name: "RangeError", message: /got middle/ });
});

test("bytes and texts may be sent together", () => {
  const framing = lengthPrefixed({ lengthBytes: 1 });
  assert.deepEqual([...framing.encode(["a", Uint8Array.of(0, 255)])], [1, 97, 2, 0, 255]);
});
