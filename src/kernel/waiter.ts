/**
 * One blocked wait, linked into the scope that may cancel it and into the queue of the thing it waits for.
 *
 *   parked --wake(value)--> done        the value is delivered; a later cancellation no longer touches it (rule 6)
 *   parked --fail(make)---> done        `make` builds the error in the awaiting frame
 *   parked --interrupt----> done        out of its queue, with no effect; `Cancelled` is built in the awaiting frame
 *
 * The promise is a plain native one that the user awaits directly, so a successful wait costs one promise. To fail, it is
 * resolved with a thenable: V8 calls its `then` in a job of its own that still knows who awaits
 * the promise, so an error constructed there carries the user's asynchronous frames (rule 14).
 *
 * Rejected: an async method around each wait that throws on a sentinel (a generator and two promises more for every wait);
 * rejecting with an error built by whoever cancels (its stack shows the canceller).
 */
import type { Cancelled } from "./errors.ts";
import { markHandled } from "./quiet.ts";
import { appendWaiter, type Interruptible, removeWaiter, type ScopeNode } from "./scope-node.ts";
import type { Waiting } from "./wait-queue.ts";

type Resolve<T> = (value: T | PromiseLike<T>) => void;

let lastResolve: Resolve<never> | undefined;
function takeResolve(resolve: Resolve<never>): void {
  lastResolve = resolve;
}

export class Waiter<T> implements Interruptible, Waiting {
  // Declared, and assigned in the constructor, as in `ScopeNode`.
  declare scope: ScopeNode;
  declare nextInScope: Interruptible | null;
  declare prevInScope: Interruptible | null;
  declare queue: Waiting["queue"];
  declare nextInQueue: Waiting | null;
  declare prevInQueue: Waiting | null;
  declare readonly promise: Promise<T>;
  declare private readonly resolve: Resolve<T>;

  constructor(scope: ScopeNode) {
    this.queue = null;
    this.nextInQueue = null;
    this.prevInQueue = null;
    this.scope = scope;
    this.promise = new Promise<T>(takeResolve as (resolve: Resolve<T>) => void);
    this.resolve = lastResolve as unknown as Resolve<T>;
    appendWaiter(scope, this);
  }

  /** Ends the wait with `value`. The waiter must be parked, and out of its queue. */
  wake(value: T): void {
    removeWaiter(this);
    this.resolve(value);
  }

  /** Ends the wait with an error, which `make` builds where the wait is awaited. */
  fail(make: () => unknown): void {
    removeWaiter(this);
    this.resolve(new Refusal(make));
  }

  interrupt(): (() => void) | undefined {
    this.queue?.remove(this);
    this.abandoned();
    this.resolve(new Interruption(this.scope, this.promise));
    return undefined;
  }

  /** For subclasses: the wait was cut short and must leave nothing behind. */
  protected abandoned(): void {}
}

class Refusal implements PromiseLike<never> {
  readonly #make: () => unknown;

  constructor(make: () => unknown) {
    this.#make = make;
  }

  // biome-ignore lint/suspicious/noThenProperty: a thenable is the point, see the head of the file.
  then(_resolve: unknown, reject?: ((error: unknown) => unknown) | null): PromiseLike<never> {
    reject?.(this.#make());
    return this;
  }
}

/** A wait that is refused at its entry; or once `turn` has settled. */
export function refusal(scope: ScopeNode, turn?: Promise<void>): Promise<never> {
  const promise = new Promise<never>(takeResolve);
  const resolve = lastResolve as Resolve<never>;
  if (turn === undefined) resolve(new Interruption(scope, promise));
  else void turn.then(() => resolve(new Interruption(scope, promise)));
  return promise;
}

class Interruption implements PromiseLike<never> {
  readonly #scope: ScopeNode;
  readonly #promise: Promise<unknown>;

  constructor(scope: ScopeNode, promise: Promise<unknown>) {
    this.#scope = scope;
    this.#promise = promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: a thenable is the point, see the head of the file.
  then(_resolve: unknown, reject?: ((error: Cancelled) => unknown) | null): PromiseLike<never> {
    reject?.(this.#scope.cancellation());
    markHandled(this.#promise);
    return this;
  }
}
