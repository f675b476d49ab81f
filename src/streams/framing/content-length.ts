/**
 * Headers with a `Content-Length`, an empty line, then that many bytes: the base protocol of the Language Server Protocol 3.18 and of the debug
 * adapter protocol.
 *
 *   in the headers (line by line) --empty line--> in the body (`wanted` bytes) --complete--> in the next headers
 */
import { checkOptions } from "../../kernel/check-function.ts";
import { FrameError } from "../errors.ts";
import { byteLength, textOf } from "./frame-text.ts";
import type { Frame, FrameDecoder, Framing } from "./framing.ts";
import { HeaderBlock } from "./header-block.ts";
import { IncomingBytes } from "./incoming-bytes.ts";
import { joinFrames } from "./join-frames.ts";
import { checkedLimit, DEFAULT_MAX_FRAME_BYTES, tooLarge } from "./limits.ts";

const LINE_FEED = 0x0a;
const DEFAULT_MAX_HEADER_BYTES = 8 * 1024;

/** How large headers and bodies may be. */
export interface ContentLengthOptions {
  /** The largest body that is accepted or sent; by default 16 MiB. */
  readonly maxFrameBytes?: number;
  /** How many bytes the headers of a frame may have, with the empty line after them; by default 8 KiB. */
  readonly maxHeaderBytes?: number;
}

/**
 * The framing of language servers: `Content-Length: 5\r\n\r\nhello`. The length counts bytes. Other headers are passed over, but for a
 * `Content-Type` with a charset that is not UTF-8, which is an error. The bytes may end between two frames; inside of one, that is a `FrameError`.
 *
 * @throws RangeError if a limit is not a whole number of at least 1.
 *
 * @example
 * ```ts
 * for await (const text of readFrames(server.stdout, contentLength()).texts()) handle(JSON.parse(text));
 * ```
 */
export function contentLength(options: ContentLengthOptions = {}): Framing {
  checkOptions("contentLength", options);
  const maxFrameBytes = checkedLimit(
    "contentLength: expected maxFrameBytes",
    options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES,
  );
  const maxHeaderBytes = checkedLimit(
    "contentLength: expected maxHeaderBytes",
    options.maxHeaderBytes ?? DEFAULT_MAX_HEADER_BYTES,
  );
  return {
    maxFrameBytes,
    decoder: () => new ContentLengthDecoder(maxFrameBytes, maxHeaderBytes),
    encode: (frames) => encode(frames, maxFrameBytes),
  };
}

class ContentLengthDecoder implements FrameDecoder {
  readonly #maxFrameBytes: number;
  readonly #maxHeaderBytes: number;
  readonly #incoming = new IncomingBytes();
  #headers = new HeaderBlock();
  #headerBytes = 0;
  /** The length of the body, when the headers are complete. */
  #wanted: number | undefined;

  constructor(maxFrameBytes: number, maxHeaderBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#maxHeaderBytes = maxHeaderBytes;
  }

  push(bytes: Uint8Array): void {
    this.#incoming.push(bytes);
  }

  nextText(): string | undefined {
    const body = this.next();
    return body === undefined ? undefined : textOf(body, 0, body.length);
  }

  next(): Buffer | undefined {
    while (this.#wanted === undefined) {
      const line = this.#incoming.takeThrough(LINE_FEED, this.#maxHeaderBytes - this.#headerBytes, this.#tooMuchHeader);
      if (line === undefined) return undefined;
      this.#headerBytes += line.length;
      if (this.#headers.add(line)) this.#wanted = this.#headers.contentLength();
    }
    if (this.#wanted > this.#maxFrameBytes) throw tooLarge("receive", this.#wanted, this.#maxFrameBytes);
    const body = this.#incoming.take(this.#wanted);
    if (body === undefined) return undefined;
    this.#headers = new HeaderBlock();
    this.#headerBytes = 0;
    this.#wanted = undefined;
    return body;
  }

  end(): void {
    const { pending } = this.#incoming;
    if (this.#wanted !== undefined) {
      throw new FrameError(`the stream ended inside a frame: ${pending} of ${this.#wanted} bytes of its body had come`);
    }
    const headerBytes = this.#headerBytes + pending;
    if (headerBytes > 0) {
      throw new FrameError(`the stream ended inside a frame: ${headerBytes} bytes of its headers had come`);
    }
  }

  readonly #tooMuchHeader = (): FrameError =>
    new FrameError(
      `receive: the headers of a frame are larger than maxHeaderBytes (${this.#maxHeaderBytes}): raise that limit, or see whether the peer speaks another framing`,
    );
}

function encode(frames: readonly Frame[], maxFrameBytes: number): Uint8Array {
  const parts: Frame[] = [];
  let total = 0;
  for (const frame of frames) {
    const bytes = byteLength(frame);
    if (bytes > maxFrameBytes) throw tooLarge("send", bytes, maxFrameBytes);
    const header = `Content-Length: ${bytes}\r\n\r\n`;
    parts.push(header, frame);
    total += header.length + bytes;
  }
  return joinFrames(parts, total);
}
