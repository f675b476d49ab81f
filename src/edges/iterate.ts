/**
 * Consuming an iterable of others under cancellation.
 *
 * A plain `for await` over a foreign iterable cannot be interrupted while it waits for an item. Here each item is waited for
 * cancellably, and the source is told, and given time to clean up, before the cancellation goes on.
 */
import { Cancelled, suppress } from "../kernel/errors.ts";
import { markHandledSoon, quietly } from "../kernel/quiet.ts";
import { checkDuration, shield } from "../kernel/scopes.ts";
import { checkpoint } from "../kernel/sleep.ts";
import { until } from "../kernel/until.ts";
import { checkIterated, type Iterated, openSource, type Source } from "./source.ts";

/** How long after a cancellation the cleanup of a source is waited for, unless said otherwise. */
const RETURN_GRACE_MS = 1_000;

/** How long `iterate` waits for its source to end. */
export interface IterateOptions {
  /** How long after a cancellation the source's cleanup is waited for: 1,000 unless given; `Infinity` waits for its end. */
  readonly graceMs?: number;
}

/**
 * The items of `source`, each waited for cancellably: `for await (const item of iterate(source))`. An async iterable, a
 * `ReadableStream`, an iterable of promises or of plain values. Every step is a checkpoint, so an endless source that never waits starves nobody.
 *
 * When the loop is left, or cancelled while it waits, the `return` of the source is called and waited for, shielded from the cancellation until
 * `graceMs` after it. What that cleanup throws is thrown instead of the cancellation. A source that is stuck in its own wait cannot
 * clean up: an async generator answers `return` only after the item that it works on. Such a source is left behind when the grace is
 * over, and ends by itself when its item comes, which nobody hears of, be it a failure. Node.js streams and `ReadableStream`s
 * are not stuck: they are destroyed, or cancelled, at once.
 *
 * @throws the error of the source, unchanged.
 * @throws TypeError if `source` cannot be iterated, RangeError if `graceMs` is negative or `NaN`.
 *
 * @example
 * ```ts
 * const body = await abortable((signal) => fetch(url, { signal }));
 * for await (const bytes of iterate(body.body ?? [])) await file.write(bytes);
 * ```
 */
export function iterate<T>(source: Iterated<T>, options: IterateOptions = {}): AsyncIterable<T, undefined> {
  const { graceMs = RETURN_GRACE_MS } = options;
  checkIterated("iterate", source);
  const invalid = checkDuration("iterate: graceMs", graceMs);
  if (invalid !== undefined) throw invalid;
  return { [Symbol.asyncIterator]: () => new Iteration(openSource(source), graceMs) };
}

class Iteration<T> implements AsyncIterator<T, undefined> {
  readonly #source: Source<T>;
  readonly #graceMs: number;
  /** A step of the source, or the promise that one of its steps gave. */
  #waitsFor: "nothing" | "a step" | "an item" = "nothing";
  #isOver = false;

  constructor(source: Source<T>, graceMs: number) {
    this.#source = source;
    this.#graceMs = graceMs;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const promise = this.#next(() => promise);
    return promise;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    return quietly(async () => {
      await this.#close();
      return over;
    });
  }

  /** `self` is its own promise: with `quietly` around it, a cancellation would show one more frame of ours. */
  async #next(self: () => Promise<unknown>): Promise<IteratorResult<T, undefined>> {
    if (this.#isOver) return over;
    try {
      await checkpoint();
      this.#waitsFor = "a step";
      const step = this.#source.next();
      const { done, value } = isThenable(step) ? await until(step) : step;
      this.#isOver = done === true;
      if (this.#isOver) return over;
      this.#waitsFor = "an item";
      const item = isThenable(value) && !this.#source.isAsync ? await until(value) : value;
      this.#waitsFor = "nothing";
      return { done: false, value: item as T };
    } catch (error) {
      const thrown = await this.#closeAfter(error);
      if (thrown instanceof Cancelled) markHandledSoon(self);
      throw thrown;
    }
  }

  /** Tells the source, unless it is the one that failed and so is over by itself, and gives the error to throw. */
  async #closeAfter(error: unknown): Promise<unknown> {
    const isCancellation = error instanceof Cancelled;
    try {
      if (isCancellation || this.#waitsFor !== "a step") await this.#close();
    } catch (later) {
      if (isCancellation) return later;
      suppress(error, later);
    }
    this.#isOver = true;
    return error;
  }

  /** The first to ask closes the source, and waits for that. */
  async #close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await shield(
      async () => {
        const closing = this.#source.close(this.#waitsFor === "a step");
        if (closing !== undefined) await until(closing);
      },
      { graceMs: this.#graceMs },
    );
  }
}

const over = { done: true, value: undefined } as const;

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
