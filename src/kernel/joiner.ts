/**
 * Somebody waiting for a task: the two callbacks of a `then`, linked into the waiter's scope and known to the task.
 *
 * It is also what that `then` returns. An `await` ignores it, so it becomes a promise only when somebody looks at it, or when
 * it failed and nobody can have: that spares the common case two promises. The callbacks are called from a microtask of
 * the kernel, with no user code below them on the stack, as Promises/A+ asks.
 */

import { Cancelled } from "./errors.ts";
import { DONE } from "./microtask.ts";
import { markHandled, markHandledSoon } from "./quiet.ts";
import { appendWaiter, type Interruptible, type ScopeNode } from "./scope-node.ts";
import { refusal } from "./waiter.ts";

/** `promise.then(...)`, quiet about a cancellation that no callback was there to catch. */
export function thenQuietly(promise: Promise<unknown>, onFulfilled: Callback, onRejected: Callback): Promise<unknown> {
  if (typeof onRejected === "function") return promise.then(onFulfilled, onRejected);
  const derived = promise.then(onFulfilled, (error: unknown) => {
    if (error instanceof Cancelled) markHandledSoon(() => derived);
    throw error;
  });
  return derived;
}

export type Callback = ((value: unknown) => unknown) | null | undefined;

/** What a joiner leaves when its wait is cut short. */
export interface Joined {
  forget(joiner: Joiner): void;
}

export class Joiner implements Interruptible, PromiseLike<unknown> {
  // Declared, and assigned in the constructor, as in `ScopeNode`.
  declare scope: ScopeNode;
  declare nextInScope: Interruptible | null;
  declare prevInScope: Interruptible | null;
  declare private readonly joined: Joined;
  declare private readonly onFulfilled: Callback;
  declare private readonly onRejected: Callback;
  /** What the `then` gives: known when it has ended, or asked for before that and then settled by `settle`. */
  declare private outcome: Promise<unknown> | null;
  declare private settle: ((outcome: Promise<unknown>) => void) | null;

  constructor(scope: ScopeNode, joined: Joined, onFulfilled: Callback, onRejected: Callback) {
    this.joined = joined;
    this.onFulfilled = onFulfilled;
    this.onRejected = onRejected;
    this.outcome = null;
    this.settle = null;
    appendWaiter(scope, this);
  }

  /** Calls the callback for the outcome. The joiner is already out of its scope. */
  run(hasFailed: boolean, content: unknown): void {
    const callback = hasFailed ? this.onRejected : this.onFulfilled;
    let result = content;
    let isFailure = hasFailed;
    if (typeof callback === "function") {
      try {
        result = callback(content);
        isFailure = false;
      } catch (error) {
        result = error;
        isFailure = true;
      }
    }
    // A failure becomes a rejected promise even if nobody asked, so that it is reported as any unhandled one is.
    if (isFailure) {
      const outcome = Promise.reject(result);
      if (result instanceof Cancelled) markHandled(outcome);
      this.end(outcome);
    } else this.end(result === undefined ? DONE : Promise.resolve(result));
  }

  interrupt(): undefined {
    this.joined.forget(this);
    this.end(thenQuietly(refusal(this.scope), this.onFulfilled, this.onRejected));
  }

  // biome-ignore lint/suspicious/noThenProperty: what a `then` returns has one.
  then<A, B>(
    onFulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.outcome ??= new Promise((resolve) => {
      this.settle = resolve;
    });
    return this.outcome.then(onFulfilled, onRejected) as Promise<A | B>;
  }

  private end(outcome: Promise<unknown>): void {
    if (this.settle === null) this.outcome = outcome;
    else this.settle(outcome);
  }
}
