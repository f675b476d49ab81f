/**
 * The three things that can be iterated, as one: what gives the next item, and what lets go of it all.
 *
 *   made from          next                          close while an item is being waited for
 *   async iterable     its `next`                    `return`, which an async generator answers only when that item has come;
 *                                                    so a Node.js stream is destroyed first, as its `return` would do
 *   ReadableStream     a reader's `read`             the reader's `cancel`, which ends the read at once
 *   iterable           its `next`; a promise in it   `return`
 *                      is the item's
 */

import { describe } from "../kernel/check-function.ts";

/** What `iterate` takes. */
export type Iterated<T> = AsyncIterable<T> | Iterable<T | PromiseLike<T>>;

export interface Source<T> {
  /** Whether `next` gives promises. If not, the items themselves may be promises. */
  readonly isAsync: boolean;
  next(): PromiseLike<IteratorResult<T, unknown>> | IteratorResult<T | PromiseLike<T>, unknown>;
  /** Settles when the source has let go; `undefined` if there is nothing to wait for. Called at most once. */
  close(isWaiting: boolean): PromiseLike<unknown> | undefined;
}

/** @throws TypeError if `iterated` is none of the three. */
export function checkIterated(what: string, iterated: unknown): void {
  const candidate = Object(iterated) as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  if (typeof (candidate[Symbol.asyncIterator] ?? candidate[Symbol.iterator]) === "function") return;
  throw new TypeError(`${what}: expected an async iterable or an iterable, got ${describe(iterated)}`);
}

export function openSource<T>(iterated: Iterated<T>): Source<T> {
  if (isReadableStream<T>(iterated)) return new ReaderSource(iterated.getReader());
  if (Symbol.asyncIterator in Object(iterated)) return new AsyncSource(iterated as AsyncIterable<T>);
  return new SyncSource((iterated as Iterable<T>)[Symbol.iterator]());
}

class AsyncSource<T> implements Source<T> {
  readonly isAsync = true;
  readonly #iterable: AsyncIterable<T>;
  readonly #iterator: AsyncIterator<T, unknown>;

  constructor(iterable: AsyncIterable<T>) {
    this.#iterable = iterable;
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  next(): PromiseLike<IteratorResult<T, unknown>> {
    return this.#iterator.next();
  }

  close(isWaiting: boolean): PromiseLike<unknown> | undefined {
    if (isWaiting && isNodeStream(this.#iterable)) this.#iterable.destroy();
    return this.#iterator.return?.();
  }
}

class SyncSource<T> implements Source<T> {
  readonly isAsync = false;
  readonly #iterator: Iterator<T | PromiseLike<T>, unknown>;

  constructor(iterator: Iterator<T | PromiseLike<T>, unknown>) {
    this.#iterator = iterator;
  }

  next(): IteratorResult<T | PromiseLike<T>, unknown> {
    return this.#iterator.next();
  }

  close(): undefined {
    this.#iterator.return?.();
  }
}

interface Reader<T> {
  read(): Promise<IteratorResult<T, unknown>>;
  cancel(): Promise<void>;
  releaseLock(): void;
}

class ReaderSource<T> implements Source<T> {
  readonly isAsync = true;
  readonly #reader: Reader<T>;

  constructor(reader: Reader<T>) {
    this.#reader = reader;
  }

  async next(): Promise<IteratorResult<T, unknown>> {
    let isOver = true;
    try {
      const step = await this.#reader.read();
      isOver = step.done === true;
      return step;
    } finally {
      if (isOver) this.#reader.releaseLock();
    }
  }

  close(): PromiseLike<unknown> {
    const cancelled = this.#reader.cancel();
    this.#reader.releaseLock();
    return cancelled;
  }
}

function isNodeStream(iterated: unknown): iterated is { destroy(): unknown } {
  const { destroy, pipe } = Object(iterated) as { destroy?: unknown; pipe?: unknown };
  return typeof destroy === "function" && typeof pipe === "function";
}

function isReadableStream<T>(iterated: unknown): iterated is { getReader(): Reader<T> } {
  return typeof (Object(iterated) as { getReader?: unknown }).getReader === "function";
}
