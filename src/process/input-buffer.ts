/** Bytes that have come and were not taken yet, as they came; they are taken in any amounts, and by lines. */
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export class InputBuffer {
  #chunks: Buffer[] = [];
  #length = 0;
  /** How many of the chunks are known to have no end of a line. */
  #searched = 0;

  get length(): number {
    return this.#length;
  }

  /** The length of what came first. */
  get firstLength(): number {
    return this.#chunks[0]?.length ?? 0;
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  clear(): void {
    this.take(this.#length);
  }

  /** How long the first line is, with its end; `undefined` if that has not come. */
  lineLength(): number | undefined {
    let before = 0;
    for (const [index, chunk] of this.#chunks.entries()) {
      if (index >= this.#searched) {
        const found = chunk.indexOf(LINE_FEED);
        if (found !== -1) return before + found + 1;
        this.#searched = index + 1;
      }
      before += chunk.length;
    }
    return undefined;
  }

  /** Takes `count` bytes, of which that many are there. */
  take(count: number): Buffer {
    const parts: Buffer[] = [];
    for (let missing = count; missing > 0; ) {
      const first = this.#chunks[0] as Buffer;
      const part = first.length <= missing ? first : first.subarray(0, missing);
      if (part.length === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(missing);
      parts.push(part);
      missing -= part.length;
    }
    this.#length -= count;
    this.#searched = 0;
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  /** Puts back what was taken last. */
  putBack(bytes: Buffer): void {
    this.#chunks.unshift(bytes);
    this.#length += bytes.length;
    this.#searched = 0;
  }
}

/** `line` without its end, `\n` or `\r\n`, if it has one. */
export function withoutEnd(line: Buffer): Buffer {
  if (line.at(-1) !== LINE_FEED) return line;
  return line.subarray(0, line.length - (line.at(-2) === CARRIAGE_RETURN ? 2 : 1));
}
