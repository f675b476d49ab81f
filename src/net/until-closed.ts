/**
 * `for await` over what a wait gives each time, until this side closes the thing.
 *
 * Each `next` is one wait and nothing is held in between: leaving a loop closes nothing (rule 20), and a `next` that was abandoned is
 * quiet when it is cancelled (rule 15), which the promise of an async generator cannot be.
 */
import { Cancelled, ClosedError } from "../kernel/errors.ts";
import { markHandled } from "../kernel/quiet.ts";

/** Gives what `wait` gives, until that throws `ClosedError`. */
export class UntilClosed<T> implements AsyncIterableIterator<T, undefined> {
  readonly #wait: () => Promise<T>;
  #isOver = false;

  constructor(wait: () => Promise<T>) {
    this.#wait = wait;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#isOver) return Promise.resolve(over());
    const promise: Promise<IteratorResult<T, undefined>> = this.#wait().then(
      (value) => ({ value, done: false }),
      (error: unknown) => {
        if (error instanceof ClosedError) {
          this.#isOver = true;
          return over();
        }
        if (error instanceof Cancelled) markHandled(promise);
        throw error;
      },
    );
    return promise;
  }

  return(): Promise<IteratorResult<T, undefined>> {
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
