/**
 * `for await` over anything that has a `receive`: one iterator for everything that this folder can be received from.
 *
 * It is a plain object on top of `receive`, so each `next` is one wait and nothing is held in between: leaving a loop closes nothing
 * (rule 20), and a `next` that was abandoned is quiet when it is cancelled (rule 15).
 *
 * Rejected: an async generator. The promise of its `next` cannot be kept quiet: it raises `unhandledRejection` when abandoned in a scope that
 * is then cancelled; and it costs half as much again for a value that is there. An async `next`: slower than `then`, and a frame more in each stack.
 */
import { Cancelled, EndOfChannel } from "../kernel/errors.ts";
import { markHandled } from "../kernel/quiet.ts";

type Step<T> = IteratorResult<T, undefined>;

/** Gives what `receive` gives until that throws `EndOfChannel`; every other error passes, and iterating may go on after it. */
export class ReceiveIterator<O, T> implements AsyncIterableIterator<T, undefined> {
  readonly #owner: O;
  readonly #receive: (this: O) => Promise<T>;
  #isOver = false;

  /** `receive` is a method of `owner`. (A closure would be one more frame in each stack.) */
  constructor(owner: O, receive: (this: O) => Promise<T>) {
    this.#owner = owner;
    this.#receive = receive;
  }

  next(): Promise<Step<T>> {
    if (this.#isOver) return Promise.resolve(over());
    const promise: Promise<Step<T>> = this.#receive.call(this.#owner).then(step, (error: unknown) => {
      if (error instanceof EndOfChannel) {
        this.#isOver = true;
        return over();
      }
      if (error instanceof Cancelled) markHandled(promise);
      throw error;
    });
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

function step<T>(value: T): Step<T> {
  return { value, done: false };
}

function over(): { value: undefined; done: true } {
  return { value: undefined, done: true };
}
