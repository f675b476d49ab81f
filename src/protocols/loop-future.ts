/**
 * The futures of an event loop. In debug mode they know it, and report whoever settles or awaits one from a task of another loop: that works, but the two
 * loops then wait for each other in ways that neither can see. (Objects do not cross threads in JavaScript, so a future of another
 * thread cannot even be named.)
 */
import { Future, type FutureOptions } from "../futures/future.ts";
import type { FutureLike } from "../kernel/future-like.ts";

/** Says that `what` of a thing of this loop is being asked for. */
export type LoopCheck = (what: string) => void;

export class CheckedFuture<T> extends Future<T> {
  readonly #check: LoopCheck;

  constructor(check: LoopCheck, options: FutureOptions) {
    super(options);
    this.#check = check;
  }

  override setResult(value: T): void {
    this.#check("setResult");
    super.setResult(value);
  }

  override setError(error: unknown): void {
    this.#check("setError");
    super.setError(error);
  }

  override cancel(reason?: unknown): void {
    this.#check("cancel");
    super.cancel(reason);
  }

  // biome-ignore lint/suspicious/noThenProperty: a future is awaited like a promise.
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    this.#check("await");
    return super.then(onFulfilled, onRejected);
  }
}

/** A future with the outcome of `outcome`; cancelling it cancels a future, and abandons a promise. */
export function chained<T>(outcome: FutureLike<T> | PromiseLike<T>, future: Future<T>): Future<T> {
  if (isFuture(outcome)) {
    future.addDoneCallback(() => {
      if (future.cancelled) outcome.cancel();
    });
  }
  void outcome.then(
    (value) => {
      if (!future.done) future.setResult(value);
    },
    (error: unknown) => {
      if (!future.done) future.setError(error);
    },
  );
  return future;
}

function isFuture<T>(outcome: FutureLike<T> | PromiseLike<T>): outcome is FutureLike<T> {
  return "addDoneCallback" in outcome;
}
