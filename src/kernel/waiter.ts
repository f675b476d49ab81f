/**
 * One blocked wait, linked into the scope that may cancel it and into the queue of the thing it waits for.
 *
 *   parked --wake(value)--> done        the value is delivered; a later cancellation no longer touches it (rule 6)
 *   parked --fail(make)---> done        `make` builds the error in the awaiting frame
 *   parked --interrupt----> done        out of its queue, with no effect; `Cancelled` is built in the awaiting frame
 *
 * The promise is a plain native one that the user awaits directly, so a successful wait costs one promise. To fail, it is
 * resolved with the promise of an async function that throws two microtasks later: by then the one waits for the other, so V8
 * can follow them from the error, which is constructed in that function, to the user's asynchronous frames (rule 14).
 * Where one cancellation cuts thousands of waits short, that holds for the first of them.
 *
 * Rejected: an async method around each wait that throws on a sentinel (a generator and two promises more for every wait);
 * rejecting with an error built by whoever cancels (its stack shows the canceller); resolving with a thenable whose
 * `then` builds the error (V8 follows that since Node 26 only).
 */

import { appendWaiter, removeWaiter } from "./links.ts";
import { markHandled, markHandledSoon } from "./quiet.ts";
import { ended, inTurn, order } from "./resumption.ts";
import { BRANCH, endedInBranch, type Interruptible, type ScopeNode } from "./scope-node.ts";
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
    if ((this.scope.flags & BRANCH) !== 0) endedInBranch(this.scope);
    if (order.isDrawn) {
      ended.add(this.promise);
      inTurn(this.scope.loop, this.resolve, value);
    } else this.resolve(value);
  }

  /** Ends the wait with an error, which `make` builds where the wait is awaited. */
  fail(make: () => unknown): void {
    removeWaiter(this);
    if ((this.scope.flags & BRANCH) !== 0) endedInBranch(this.scope);
    if (order.isDrawn) {
      ended.add(this.promise);
      inTurn(this.scope.loop, () => this.resolve(failure(make)));
    } else this.resolve(failure(make));
  }

  interrupt(): (() => void) | undefined {
    this.queue?.remove(this);
    this.abandoned();
    if (order.isDrawn) inTurn(this.scope.loop, () => this.resolve(cutShort(this.scope, this.promise)));
    else this.resolve(cutShort(this.scope, this.promise));
    return undefined;
  }

  /** For subclasses: the wait was cut short and must leave nothing behind. */
  protected abandoned(): void {}
}

/** A wait that is refused at its entry; or once `turn` has settled. */
export function refusal(scope: ScopeNode, turn?: Promise<void>): Promise<never> {
  const promise = refuse();
  return promise;

  async function refuse(): Promise<never> {
    await turn;
    const error = scope.cancellation();
    markHandledSoon(() => promise);
    throw error;
  }
}

async function failure(make: () => unknown): Promise<never> {
  await undefined;
  await undefined;
  throw make();
}

/**
 * How many waits that one cancellation cuts short get an error of their own, whose stack shows their frames. To build it costs more
 * than all the rest of being cancelled; further ones share an error.
 */
const MAX_OWN_ERRORS = 1_000;

function cutShort(scope: ScopeNode, promise: Promise<unknown>): Promise<never> {
  const by = scope.cancelledBy ?? scope;
  const extras = by.rare();
  if (++extras.cutWaits <= MAX_OWN_ERRORS) return interruption(scope, promise);
  markHandled(promise);
  // Waited for as long as one of their own is, so that all go on in the order in which they were cut short.
  extras.commonError ??= interruption(by, promise);
  return extras.commonError;
}

async function interruption(scope: ScopeNode, promise: Promise<unknown>): Promise<never> {
  await undefined;
  await undefined;
  const error = scope.cancellation();
  markHandled(promise);
  throw error;
}
