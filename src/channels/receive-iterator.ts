/**
 * `for await` over anything that has a `receive`: one iterator for everything that this folder can be received from.
 *
 * It is a plain object on top of `receive`, so each `next` is one wait and nothing is held in between: leaving a loop closes nothing
 * (rule 20), and a `next` that was abandoned is quiet when it is cancelled (rule 15).
 *
 * Rejected: an async generator. It costs three promises more for every value, and the promise of its `next` cannot be kept
 * quiet: it raises `unhandledRejection` when abandoned in a scope that is then cancelled.
 */
import { Cancelled, EndOfChannel } from "../kernel/errors.ts";
import { markHandledSoon } from "../kernel/quiet.ts";

type Step<T> = IteratorResult<T, undefined>;

/** Gives what `receive` gives until that throws `EndOfChannel`; every other error passes, and iterating may go on after it. */
export class ReceiveIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #receive: () => Promise<T>;
  #isOver = false;

  constructor(receive: () => Promise<T>) {
    this.#receive = receive;
  }

  next(): Promise<Step<T>> {
    const promise: Promise<Step<T>> = this.#isOver ? Promise.resolve(over()) : this.#step(() => promise);
    return promise;
  }

  return(): Promise<Step<T>> {
    this.#isOver = true;
    return Promise.resolve(over());
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #step(own: () => Promise<Step<T>>): Promise<Step<T>> {
    try {
      const receive = this.#receive;
      return { value: await receive(), done: false };
    } catch (error) {
      if (error instanceof EndOfChannel) {
        this.#isOver = true;
        return over();
      }
      if (error instanceof Cancelled) markHandledSoon(own);
      throw error;
    }
  }
}

function over(): { value: undefined; done: true } {
  return { value: undefined, done: true };
}
