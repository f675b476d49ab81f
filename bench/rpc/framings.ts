/**
 * The framings that the load generator speaks: how a message is written, and
 * how complete answers are counted without decoding them.
 */

export type FramingName = "int32" | "line" | "content-length";

export interface Framing {
  encode(message: string): Buffer;
  createCounter(): FrameCounter;
}

export interface FrameCounter {
  /** How many messages end in this chunk, which follows the ones given before. */
  count(chunk: Buffer): number;
}

export const framings: Record<FramingName, Framing> = {
  int32: {
    encode(message) {
      const body = Buffer.from(message);
      const header = Buffer.alloc(4);
      header.writeInt32BE(body.length);
      return Buffer.concat([header, body]);
    },
    createCounter: () => new LengthCounter(),
  },

  line: {
    encode: (message) => Buffer.from(`${message}\n`),
    createCounter: () => ({ count: countLineFeeds }),
  },

  "content-length": {
    encode: (message) => Buffer.from(`Content-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`),
    createCounter: () => new HeaderCounter(),
  },
};

/** Skips from prefix to prefix; a prefix may itself be split between chunks. */
class LengthCounter implements FrameCounter {
  #bodyBytesLeft = 0;
  #headerBytesSeen = 0;
  #length = 0;

  count(chunk: Buffer): number {
    let [position, frames] = [0, 0];
    while (position < chunk.length) {
      if (this.#bodyBytesLeft > 0) {
        const skipped = Math.min(this.#bodyBytesLeft, chunk.length - position);
        position += skipped;
        this.#bodyBytesLeft -= skipped;
        if (this.#bodyBytesLeft === 0) frames++;
      } else if (this.#headerBytesSeen === 0 && chunk.length - position >= 4) {
        this.#bodyBytesLeft = chunk.readInt32BE(position);
        position += 4;
      } else {
        this.#length = (this.#length << 8) | (chunk[position++] ?? 0);
        if (++this.#headerBytesSeen === 4) {
          this.#bodyBytesLeft = this.#length;
          this.#headerBytesSeen = 0;
          this.#length = 0;
        }
      }
    }
    return frames;
  }
}

/** Knows only the one header that vscode-jsonrpc writes. */
class HeaderCounter implements FrameCounter {
  #bodyBytesLeft = 0;
  #held: Buffer | undefined;

  count(chunk: Buffer): number {
    const input = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    let [position, frames] = [0, 0];
    while (position < input.length) {
      if (this.#bodyBytesLeft > 0) {
        const skipped = Math.min(this.#bodyBytesLeft, input.length - position);
        position += skipped;
        this.#bodyBytesLeft -= skipped;
        if (this.#bodyBytesLeft === 0) frames++;
        continue;
      }
      const headerEnd = input.indexOf("\r\n\r\n", position, "latin1");
      if (headerEnd === -1) {
        this.#held = input.subarray(position);
        break;
      }
      this.#bodyBytesLeft = Number(input.toString("latin1", position + "Content-Length: ".length, headerEnd));
      position = headerEnd + 4;
    }
    return frames;
  }
}

function countLineFeeds(chunk: Buffer): number {
  const lineFeed = 10;
  let lines = 0;
  for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, at + 1)) lines++;
  return lines;
}
