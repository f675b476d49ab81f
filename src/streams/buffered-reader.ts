/**
 * Reading by count, by delimiter, by line, from any stream of bytes.
 *
 *   open --close, abort--> closed (what was buffered is gone)
 *        --detach-------> detached (what was buffered is the caller's, the stream goes on)
 *
 * Invariant: bytes are in the stream, or in the buffer, or with the caller. A read that is cancelled, fails, or finds that it would have to
 * buffer too much takes nothing, so another kind of read can go on from the same place. It buffers only when what it has is not enough, and
 * never asks the stream for more than it may keep (but for the one byte by which `readAll` learns that there is too much).
 */
import { checkOptions, describe } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { disposed } from "../kernel/dispose.ts";
import { BusyError, ClosedError } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { BufferedBytes } from "./buffered-bytes.ts";
import { IncompleteReadError } from "./buffered-errors.ts";
import type { ReceiveStream } from "./byte-stream.ts";
import { checkStream } from "./check-stream.ts";
import { ChunkIterator } from "./chunk-iterator.ts";
import { FrameError } from "./errors.ts";
import { textOf } from "./framing/frame-text.ts";
import { checkedLimit, DEFAULT_MAX_FRAME_BYTES } from "./framing/limits.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** How much a reader may buffer. */
export interface BufferedReaderOptions {
  /** The most that one read may need to have buffered; by default 16 MiB. */
  readonly maxBufferedBytes?: number;
}

/**
 * Reads exactly so many bytes, up to a delimiter, or a line, and keeps what comes beyond for the next read. One task may read at a time. It is a
 * `ReceiveStream` itself, so it can be given to whatever reads one; closing it closes the stream.
 *
 * Every read is always a checkpoint; cancelled, nothing is lost: what had come is still there.
 *
 * @throws RangeError if `maxBufferedBytes` is not a whole number of at least 1.
 *
 * @example
 * ```ts
 * const reader = new BufferedReader(stream);
 * const length = Number(await reader.readLine());
 * const body = await reader.readExactly(length);
 * ```
 */
export class BufferedReader implements ReceiveStream {
  readonly #stream: ReceiveStream;
  readonly #maxBufferedBytes: number;
  readonly #bytes = new BufferedBytes();
  #isReading = false;
  #state: "open" | "closed" | "detached" = "open";

  constructor(stream: ReceiveStream, options: BufferedReaderOptions = {}) {
    checkStream("BufferedReader", stream, "receive");
    checkOptions("BufferedReader", options);
    this.#stream = stream;
    this.#maxBufferedBytes = checkedLimit(
      "BufferedReader: expected maxBufferedBytes",
      options.maxBufferedBytes ?? DEFAULT_MAX_FRAME_BYTES,
    );
  }

  /** How many bytes can be read without the stream. */
  get bufferedBytes(): number {
    return this.#bytes.length;
  }

  /** As of every stream: what is buffered first, then what the stream gives, of which nothing is buffered. */
  receive(maxBytes?: number): Promise<Uint8Array | undefined> {
    const invalid = maxBytes === undefined ? undefined : checkCount("receive", "maxBytes", maxBytes, 1);
    if (invalid !== undefined) return Promise.reject(invalid);
    const find = (): Buffer | undefined =>
      this.#bytes.length > 0 ? this.#bytes.take(maxBytes ?? this.#bytes.length) : undefined;
    return this.#read(find, () => undefined, maxBytes);
  }

  /**
   * The next `count` bytes.
   *
   * @throws IncompleteReadError if the stream ends before; it carries what had come.
   * @throws FrameError if that is more than `maxBufferedBytes`; nothing is taken.
   * @throws RangeError if `count` is not a whole number of at least 0.
   */
  readExactly(count: number): Promise<Uint8Array> {
    const invalid = checkCount("readExactly", "count", count, 0) ?? this.#checkRoom("readExactly", count);
    if (invalid !== undefined) return Promise.reject(invalid);
    return this.#read(
      () => (this.#bytes.length >= count ? this.#bytes.take(count) : undefined),
      () => this.#incomplete((bytes) => `readExactly: the stream ended after ${bytes} of ${count} bytes`),
    );
  }

  /**
   * The next bytes up to `delimiter` (a text stands for its UTF-8) and with it.
   *
   * @throws IncompleteReadError if the stream ends before; it carries what had come.
   * @throws FrameError if that would be more than `maxBufferedBytes`; nothing is taken.
   * @throws RangeError if `delimiter` is empty.
   */
  readUntil(delimiter: string | Uint8Array): Promise<Uint8Array> {
    if (typeof delimiter !== "string" && !(delimiter instanceof Uint8Array)) {
      return Promise.reject(
        new TypeError(`readUntil: expected a delimiter, a string or a Uint8Array, got ${describe(delimiter)}`),
      );
    }
    const wanted = typeof delimiter === "string" ? Buffer.from(delimiter) : delimiter;
    if (wanted.length === 0) return Promise.reject(new RangeError("readUntil: the delimiter is empty"));
    return this.#read(this.#finder("readUntil", wanted), () =>
      this.#incomplete((bytes) => `readUntil: the stream ended after ${bytes} bytes, without the delimiter`),
    );
  }

  /**
   * The next line as text, without its end (`\n` or `\r\n`), or `undefined` at end-of-file. The last line needs no end.
   *
   * @throws TypeError if the line is no UTF-8; it is used up.
   * @throws FrameError if the line with its end would be more than `maxBufferedBytes`; nothing is taken.
   */
  readLine(): Promise<string | undefined> {
    const findWhole = this.#finder("readLine", LINE_FEED);
    const find = (): string | undefined => {
      const whole = findWhole();
      if (whole === undefined) return undefined;
      return textOf(whole, 0, whole.length - (whole.at(-2) === CARRIAGE_RETURN ? 2 : 1));
    };
    return this.#read(find, () => {
      const last = this.#bytes.take(this.#bytes.length);
      return last.length === 0 ? undefined : textOf(last, 0, last.length);
    });
  }

  /**
   * All that comes up to end-of-file.
   *
   * @throws FrameError if that is more than `maxBufferedBytes`; nothing is taken.
   */
  readAll(): Promise<Uint8Array> {
    const find = (): Uint8Array | undefined => {
      const error = this.#checkRoom("readAll", this.#bytes.length);
      if (error !== undefined) throw error;
      return undefined;
    };
    return this.#read(
      find,
      () => this.#bytes.take(this.#bytes.length),
      // One more than it may keep, to see whether there is more.
      () => this.#maxBufferedBytes + 1 - this.#bytes.length,
    );
  }

  /**
   * The next `count` bytes, fewer only at end-of-file, which the next read gives again. They must not be changed.
   *
   * @throws FrameError if that is more than `maxBufferedBytes`.
   * @throws RangeError if `count` is not a whole number of at least 1.
   */
  peek(count: number): Promise<Uint8Array> {
    const invalid = checkCount("peek", "count", count, 1) ?? this.#checkRoom("peek", count);
    if (invalid !== undefined) return Promise.reject(invalid);
    return this.#read(
      () => (this.#bytes.length >= count ? this.#bytes.peek(count) : undefined),
      () => this.#bytes.peek(count),
    );
  }

  /**
   * Gives `bytes`, which must not be changed afterwards, back: they are read next. No limit holds them off. No checkpoint.
   *
   * @throws ClosedError if the reader is closed or detached.
   * @throws BusyError if a task is reading.
   */
  unread(bytes: Uint8Array): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    this.#bytes.unshift(bytes);
  }

  /**
   * Ends the reader, but not the stream, and gives what was buffered: for who goes on with the stream in another way, as after a change of
   * protocol. Closing and disposing of the reader do nothing from then on. No checkpoint.
   *
   * @throws ClosedError if the reader is closed or detached.
   * @throws BusyError if a task is reading.
   */
  detach(): Uint8Array {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    this.#state = "detached";
    return this.#bytes.take(this.#bytes.length);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array, undefined> {
    return new ChunkIterator(this);
  }

  close(): Promise<void> {
    return this.#closeHere() ? this.#stream.close() : Promise.resolve();
  }

  abort(): void {
    if (this.#closeHere()) this.#stream.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  /**
   * What `find` gives, as soon as it gives something; what `end` gives, if the stream ends before. Both may throw. `most` is how much to
   * ask the stream for; as much as may be kept, unless given.
   */
  #read<T, E>(
    find: () => T | undefined,
    end: () => E,
    most: number | undefined | (() => number) = () => this.#maxBufferedBytes - this.#bytes.length,
  ): Promise<T | E> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.#read(find, end, most));
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    try {
      const found = find();
      if (found !== undefined) return Promise.resolve(found);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#isReading = true;
    return quietly(async () => {
      try {
        for (;;) {
          const bytes = await this.#stream.receive(typeof most === "function" ? most() : most);
          if (bytes === undefined) return end();
          this.#bytes.push(bytes);
          const found = find();
          if (found !== undefined) return found;
        }
      } finally {
        this.#isReading = false;
      }
    });
  }

  /** Takes all up to `delimiter` and with it, once it has come. What has been searched is not searched again. */
  #finder(doing: string, delimiter: Uint8Array | number): () => Buffer | undefined {
    const length = typeof delimiter === "number" ? 1 : delimiter.length;
    let from = 0;
    return () => {
      const at = this.#bytes.indexOf(delimiter, from);
      const isTooFar = (at === -1 ? this.#bytes.length + 1 : at + length) > this.#maxBufferedBytes;
      if (isTooFar)
        throw this.#overrun(`${doing}: the end of it is not within the first ${this.#maxBufferedBytes} bytes`);
      if (at !== -1) return this.#bytes.take(at + length);
      from = Math.max(0, this.#bytes.length - length + 1);
      return undefined;
    };
  }

  #checkRoom(doing: string, count: number): FrameError | undefined {
    return count > this.#maxBufferedBytes ? this.#overrun(`${doing}: ${count} bytes do not fit`) : undefined;
  }

  #overrun(what: string): FrameError {
    return new FrameError(
      `${what}, as maxBufferedBytes is ${this.#maxBufferedBytes}: raise that limit, or take the bytes in parts with receive`,
    );
  }

  #incomplete(message: (bytes: number) => string): never {
    const partial = this.#bytes.take(this.#bytes.length);
    throw new IncompleteReadError(message(partial.length), partial);
  }

  #refusal(): Error | undefined {
    if (this.#isReading) return new BusyError("another task is reading from this reader: give one task the reading");
    if (this.#state === "closed") return new ClosedError("read from a stream that this side has closed");
    if (this.#state === "detached") {
      return new ClosedError("read from a reader that was detached: go on with what detach gave, and with the stream");
    }
    return undefined;
  }

  /** Whether the stream is to be closed too. */
  #closeHere(): boolean {
    if (this.#state === "detached") return false;
    this.#state = "closed";
    this.#bytes.take(this.#bytes.length);
    return true;
  }

  static {
    printsAs(BufferedReader, (reader) => ({ bufferedBytes: reader.bufferedBytes, state: reader.#state }));
  }
}

function checkCount(doing: string, name: string, value: number, least: number): RangeError | undefined {
  if (Number.isInteger(value) && value >= least) return undefined;
  return new RangeError(`${doing}: expected ${name} of at least ${least}, got ${String(value)}`);
}
