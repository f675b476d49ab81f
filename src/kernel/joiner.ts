/**
 * Somebody waiting for a task or a future: the two callbacks of a `then`, linked into the waiter's scope and known to what it waits for.
 *
 * It is also what that `then` returns. An `await` ignores it, so it becomes a promise only when somebody looks at it, or when
 * it failed and nobody can have: that spares the common case two promises. The callbacks are called from a microtask of
 * the kernel, with no user code below them on the stack, as Promises/A+ asks.
 */

import { Cancelled } from "./errors.ts";
import { appendWaiter, removeWaiter } from "./links.ts";
import { DONE } from "./microtask.ts";
import type { OutcomeListener } from "./outcome-listeners.ts";
import { markHandled, markHandledSoon } from "./quiet.ts";
import { inTurn, order } from "./resumption.ts";
import { currentNode } from "./scope.ts";
import { BRANCH, endedInBranch, type Interruptible, type ScopeNode } from "./scope-node.ts";
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

/** Something with an outcome that can be waited for: a task, a future. */
export interface Joinable {
  readonly done: boolean;
  /** Whether who asks now, in `scope`, must make a detour first: see `checkpoint.ts`. */
  mustDetour(scope: ScopeNode): boolean;
  /** A native promise of the outcome, for those who come late. */
  joined(): Promise<unknown>;
  /** The same, by way of a detour. */
  joinedByDetour(scope: ScopeNode): Promise<unknown>;
  addListener(listener: OutcomeListener): void;
  /** A wait was cut short. */
  forget(listener: OutcomeListener): void;
}

/** `then` of a task or a future: the wait belongs to the scope in force, and is a checkpoint. */
export function thenOf(thing: Joinable, onFulfilled: Callback, onRejected: Callback): PromiseLike<unknown> {
  const scope = currentNode();
  if (thing.mustDetour(scope)) return thenQuietly(thing.joinedByDetour(scope), onFulfilled, onRejected);
  if (thing.done) return thenQuietly(thing.joined(), onFulfilled, onRejected);
  const joiner = new Joiner(scope, thing, onFulfilled, onRejected);
  thing.addListener(joiner);
  return joiner;
}

class Joiner implements Interruptible, OutcomeListener, PromiseLike<unknown> {
  // Declared, and assigned in the constructor, as in `ScopeNode`.
  declare scope: ScopeNode;
  declare nextInScope: Interruptible | null;
  declare prevInScope: Interruptible | null;
  declare private readonly joined: Joinable;
  declare private readonly onFulfilled: Callback;
  declare private readonly onRejected: Callback;
  /** What the `then` gives: known when it has ended, or asked for before that and then settled by `settle`. */
  declare private outcome: Promise<unknown> | null;
  declare private settle: ((outcome: Promise<unknown>) => void) | null;

  constructor(scope: ScopeNode, joined: Joinable, onFulfilled: Callback, onRejected: Callback) {
    this.joined = joined;
    this.onFulfilled = onFulfilled;
    this.onRejected = onRejected;
    this.outcome = null;
    this.settle = null;
    appendWaiter(scope, this);
  }

  claim(): boolean {
    removeWaiter(this);
    return true;
  }

  /** Not sooner: it cuts the other branches short, and they may wait for the same. */
  claimed(): void {
    if ((this.scope.flags & BRANCH) !== 0) endedInBranch(this.scope);
  }

  run(hasFailed: boolean, content: unknown): void {
    if (order.isDrawn) tellInTurn(this, hasFailed, content);
    else this.tell(hasFailed, content);
  }

  /** Calls the callback for the outcome. */
  tell(hasFailed: boolean, content: unknown): void {
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
    if (order.isDrawn) inTurn(this.scope.loop, () => this.refuse());
    else this.refuse();
  }

  /** Tells the callback of the cancellation. */
  private refuse(): void {
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

/** A function of its own, lest every `run` make the context of a closure. */
function tellInTurn(joiner: Joiner, hasFailed: boolean, content: unknown): void {
  inTurn(joiner.scope.loop, () => joiner.tell(hasFailed, content));
}
