/**
 * The headers before one body, as the Language Server Protocol has them: ASCII, each line ended by `\r\n`, the block by an empty line.
 *
 * Strict about the lines (a peer that speaks another framing is found out at its first one) and about what they say of the
 * body; all other headers are passed over.
 */
import { FrameError } from "../errors.ts";

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e]*$/;
const CHARSET = /;[ \t]*charset[ \t]*=[ \t]*("[^"]*"|[^;]*)/i;
const SHOWN_CHARACTERS = 60;

export class HeaderBlock {
  #length: number | undefined;

  /**
   * Takes a line with its end; true if it was the last.
   * @throws FrameError if it is no header, or one that makes no sense.
   */
  add(bytes: Buffer): boolean {
    const line = bytes.toString("latin1");
    if (!line.endsWith("\r\n"))
      throw new FrameError(`a header ends in \\n alone, where \\r\\n is needed: ${shown(line)}`);
    if (line.length === 2) return true;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1).trim();
    if (!NAME.test(name) || !VALUE.test(value)) {
      throw new FrameError(`expected a header like "Content-Length: 5", got ${shown(line)}`);
    }
    if (name.toLowerCase() === "content-length") this.#setLength(value);
    else if (name.toLowerCase() === "content-type") checkCharset(value);
    return false;
  }

  /** @throws FrameError if there was none. */
  contentLength(): number {
    if (this.#length === undefined) throw new FrameError("the headers of a frame ended without a Content-Length");
    return this.#length;
  }

  #setLength(value: string): void {
    if (this.#length !== undefined) {
      throw new FrameError(`a frame has two Content-Length headers: ${this.#length} and ${shown(value)}`);
    }
    if (/^-\d+$/.test(value)) throw new FrameError(`a Content-Length cannot be negative, got ${shown(value)}`);
    if (!/^\d+$/.test(value)) throw new FrameError(`expected a number of bytes as Content-Length, got ${shown(value)}`);
    this.#length = Number(value);
  }
}

function checkCharset(contentType: string): void {
  const charset = CHARSET.exec(contentType)?.[1]?.replaceAll('"', "").trim();
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new FrameError(`a Content-Type with the charset ${shown(charset)}: only utf-8 can be read`);
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text);
}
