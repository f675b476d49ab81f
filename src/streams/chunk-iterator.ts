/**
 * `for await` over anything that has the `receive` of a stream.
 *
 * Each `next` is one wait and nothing is held in between: leaving a loop closes nothing (rule 20), and a `next` that was abandoned is
 * quiet when it is cancelled (rule 15).
 *
 * Rejected: an async generator. The promise of its `next` cannot be kept quiet, and for a chunk that is there it costs half as much again.
 */
import { Cancelled } from "../kernel/errors.ts";
import { markHandled } from "../kernel/quiet.ts";

type Step<T> = IteratorResult<T, undefined>;

interface Source<T> {
  receive(): Promise<T | undefined>;
}

/** Gives what `receive` gives, until that is end-of-file. */
export class ChunkIterator<T = Uint8Array> implements AsyncIterableIterator<T, undefined> {
  readonly #source: Source<T>;
  #isOver = false;

  constructor(source: Source<T>) {
    this.#source = source;
  }

  next(): Promise<Step<T>> {
    if (this.#isOver) return Promise.resolve(over());
    const promise: Promise<Step<T>> = this.#source.receive().then(
      (chunk) => {
        if (chunk !== undefined) return { value: chunk, done: false };
        this.#isOver = true;
        return over();
      },
      (error: unknown) => {
        if (error instanceof Cancelled) markHandled(promise);
        throw error;
      },
    );
    return promise;
  }

  return(): Promise<Step<T>> {
    this.#isOver = true;
    return Promise.resolve(over());
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function over(): { value: undefined; done: true } {
  return { value: undefined, done: true };
}
