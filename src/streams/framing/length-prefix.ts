/** The integers that stand before frames: one, two or four bytes, either end first, signed or not. */

/** How a length is written and read. */
export interface LengthPrefix {
  readonly bytes: number;
  /** The largest length that it can say. */
  readonly largest: number;
  read(bytes: Buffer, at: number): number;
  write(bytes: Buffer, length: number, at: number): void;
}

export const INT32_BE: LengthPrefix = {
  bytes: 4,
  largest: 0x7fff_ffff,
  read: (bytes, at) => bytes.readInt32BE(at),
  write: (bytes, length, at) => bytes.writeInt32BE(length, at),
};

/** `SIGN BITS END`; of a single byte there is no other end. */
const prefixes: Readonly<Record<string, LengthPrefix>> = {
  "int 8 big": {
    bytes: 1,
    largest: 0x7f,
    read: (bytes, at) => bytes.readInt8(at),
    write: (bytes, length, at) => bytes.writeInt8(length, at),
  },
  "uint 8 big": {
    bytes: 1,
    largest: 0xff,
    read: (bytes, at) => bytes.readUInt8(at),
    write: (bytes, length, at) => bytes.writeUInt8(length, at),
  },
  "int 16 big": {
    bytes: 2,
    largest: 0x7fff,
    read: (bytes, at) => bytes.readInt16BE(at),
    write: (bytes, length, at) => bytes.writeInt16BE(length, at),
  },
  "uint 16 big": {
    bytes: 2,
    largest: 0xffff,
    read: (bytes, at) => bytes.readUInt16BE(at),
    write: (bytes, length, at) => bytes.writeUInt16BE(length, at),
  },
  "int 16 little": {
    bytes: 2,
    largest: 0x7fff,
    read: (bytes, at) => bytes.readInt16LE(at),
    write: (bytes, length, at) => bytes.writeInt16LE(length, at),
  },
  "uint 16 little": {
    bytes: 2,
    largest: 0xffff,
    read: (bytes, at) => bytes.readUInt16LE(at),
    write: (bytes, length, at) => bytes.writeUInt16LE(length, at),
  },
  "int 32 big": INT32_BE,
  "uint 32 big": {
    bytes: 4,
    largest: 0xffff_ffff,
    read: (bytes, at) => bytes.readUInt32BE(at),
    write: (bytes, length, at) => bytes.writeUInt32BE(length, at),
  },
  "int 32 little": {
    bytes: 4,
    largest: 0x7fff_ffff,
    read: (bytes, at) => bytes.readInt32LE(at),
    write: (bytes, length, at) => bytes.writeInt32LE(length, at),
  },
  "uint 32 little": {
    bytes: 4,
    largest: 0xffff_ffff,
    read: (bytes, at) => bytes.readUInt32LE(at),
    write: (bytes, length, at) => bytes.writeUInt32LE(length, at),
  },
};

/** @throws RangeError if there is no such integer. */
export function lengthPrefix(lengthBytes: number, endian: string, isSigned: boolean): LengthPrefix {
  if (endian !== "big" && endian !== "little") {
    throw new RangeError(`lengthPrefixed: expected endian "big" or "little", got ${String(endian)}`);
  }
  const end = lengthBytes === 1 ? "big" : endian;
  const prefix = prefixes[`${isSigned ? "int" : "uint"} ${lengthBytes * 8} ${end}`];
  if (prefix !== undefined) return prefix;
  throw new RangeError(`lengthPrefixed: expected lengthBytes of 1, 2 or 4, got ${String(lengthBytes)}`);
}
