/**
 * What tasks and futures have in common for those who wait for them. After asyncio's futures.
 */

import { Cancelled, showHere } from "./errors.ts";
import { currentNode } from "./scope.ts";

/**
 * Something that will have an outcome: a value, an error, or a cancellation. Wait for it with `await` (or `yield*` in a
 * generator); that is a checkpoint, and cancelling the wait leaves the thing itself alone.
 *
 * Do not return one from an async function: JavaScript awaits it there.
 */
export interface FutureLike<T> {
  readonly name: string;
  /** Whether it has settled, whatever the outcome. */
  readonly done: boolean;
  /** Whether it was cancelled. */
  readonly cancelled: boolean;
  /** Cancels it. The first reason wins; does nothing once it is done. */
  cancel(reason?: unknown): void;
  /**
   * Its value, now.
   * @throws InvalidStateError if it is not done; its own error if it failed or was cancelled.
   */
  result(): T;
  /**
   * Its error (a `Cancelled` if it was cancelled), or `undefined` if it has a value.
   * @throws InvalidStateError if it is not done.
   */
  error(): unknown;
  /**
   * Calls `callback` with this once it is done, in the order of adding and in the asynchronous context of this call; never synchronously.
   * Having a callback does not count as having seen an error; asking for it in there does.
   */
  addDoneCallback(callback: (done: this) => void): void;
  /**
   * What makes `await` work. Callbacks given by hand run in the scope of whoever settled it: prefer `await` or `addDoneCallback`.
   * (Spelled out here: extending `PromiseLike` would make linters ask for every task to be awaited.)
   */
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B>;
  /** What makes `yield*` work in a generator that runs as a coroutine. */
  [Symbol.iterator](): Handover<T>;
}

/** Hands something to the trampoline, and gives what comes back. */
// biome-ignore lint/suspicious/noExplicitAny: the trampoline sends in what the thing gave.
export interface Handover<T> extends Iterator<unknown, T, any> {}

/** An iterator by hand: a generator would cost each level of delegation twice as much. */
class HandsOver<T> implements Handover<T> {
  #waitable: unknown;
  readonly #isWait: boolean;

  constructor(waitable: unknown, isWait: boolean) {
    this.#waitable = waitable;
    this.#isWait = isWait;
  }

  next(result: T): IteratorResult<unknown, T> {
    const value = this.#waitable;
    if (value === undefined) return { done: true, value: result };
    this.#waitable = undefined;
    return { done: false, value };
  }

  throw(error: unknown): never {
    // That of another task, and that of a wait further inside, show where they came from.
    if (this.#isWait && error instanceof Cancelled && error.scope === currentNode().cancelledBy?.scope) showHere(error);
    throw error;
  }

  return(value: T): IteratorResult<unknown, T> {
    return { done: true, value };
  }
}

/** For something that is waited for: the stack of a cancellation shows this place. */
export function handOver<T>(waitable: unknown): Handover<T> {
  return new HandsOver(waitable, true);
}

/** For something that runs on top of whoever hands it over. */
export function delegate<T>(runnable: unknown): Handover<T> {
  return new HandsOver(runnable, false);
}
