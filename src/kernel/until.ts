/**
 * Waiting for a foreign promise, cancellably.
 *
 * However often a promise is waited for and abandoned, it carries one reaction of ours: those who wait stand in a
 * queue that a `WeakMap` finds by the promise. (A reaction each would stay with a long-lived promise for ever,
 * which is how `Promise.race` leaks.) A task, a future or a coroutine needs none of this: each wait for it is cancellable by itself.
 */
import { describe } from "./check-function.ts";
import { detour, mustDetour } from "./checkpoint.ts";
import { GENERATOR } from "./drive.ts";
import { type Handover, handOver } from "./future-like.ts";
import { inMicrotask } from "./microtask.ts";
import { quietly } from "./quiet.ts";
import { ended } from "./resumption.ts";
import { currentNode } from "./scope.ts";
import type { ScopeNode } from "./scope-node.ts";
import { WaitQueue } from "./wait-queue.ts";
import { Waiter } from "./waiter.ts";

type Watch = WaitQueue<UntilWaiter<unknown>>;

const watches = new WeakMap<PromiseLike<unknown>, Watch>();

/** A native promise that a coroutine can delegate to, `yield* until(promise)`, and gets its value, typed. */
export interface Waitable<T> extends Promise<T> {
  [Symbol.iterator](): Handover<T>;
}

/**
 * Waits for `promise`, and abandons it when cancelled: whatever it stands for goes on, and its outcome is ignored.
 * Where the work itself can be stopped, use `abortable`. Always a checkpoint; a promise that settled before
 * the cancellation keeps its value.
 *
 * A call of this library that takes several steps (`select`, `race`, a scope) is cancellable by itself: `await` it, or `yield` it in a
 * coroutine. Around such a call, `until` may abandon what it was about to give.
 *
 * @throws TypeError if `promise` is no object.
 */
export function until<T>(promise: PromiseLike<T>): Waitable<T> {
  const wait = waitFor(promise) as Waitable<T>;
  wait[Symbol.iterator] = handOverThis;
  return wait;
}

function handOverThis<T>(this: Waitable<T>): Handover<T> {
  return handOver(this);
}

function waitFor<T>(promise: PromiseLike<T>): Promise<T> {
  if (!(promise instanceof Promise)) {
    if ((typeof promise !== "object" && typeof promise !== "function") || promise === null)
      return Promise.reject(new TypeError(`until: expected a promise, got ${describe(promise)}`));
    if (isCancellable(promise)) return quietly(async () => await promise);
  }
  const scope = currentNode();
  if (mustDetour(scope)) {
    // Watched from now on: it may fail before the detour is over, and where it is abandoned its failure is nobody's.
    watchOf(promise);
    return detour(scope, () => waitFor(promise));
  }
  const waiter = new UntilWaiter<T>(scope, promise);
  watchOf(promise).push(waiter as UntilWaiter<unknown>);
  return waiter.promise;
}

function watchOf(promise: PromiseLike<unknown>): Watch {
  const known = watches.get(promise);
  if (known !== undefined) return known;
  const watch: Watch = new WaitQueue();
  watches.set(promise, watch);
  // A thenable may call back at once, or throw.
  const settled = promise instanceof Promise ? promise : Promise.resolve(promise);
  settled.then(
    (value) => settle(promise, watch, (waiter) => waiter.wake(value)),
    (error: unknown) => settle(promise, watch, (waiter) => waiter.fail(() => error)),
  );
  return watch;
}

function settle(promise: PromiseLike<unknown>, watch: Watch, deliver: (waiter: UntilWaiter<unknown>) => void): void {
  watches.delete(promise);
  for (let waiter = watch.shift(); waiter !== undefined; waiter = watch.shift()) deliver(waiter);
}

class UntilWaiter<T> extends Waiter<T> {
  declare private readonly promised: PromiseLike<T>;

  constructor(scope: ScopeNode, promised: PromiseLike<T>) {
    super(scope);
    this.promised = promised;
  }

  /**
   * A promise that has settled already has its reaction queued as a microtask, ahead of ours: so one microtask later we know
   * whether it settled before the cancellation, and then it keeps its value. So does that of a wait that has ended.
   */
  override interrupt(): undefined {
    inMicrotask(() => {
      if (this.queue !== null && !ended.has(this.promised as Promise<T>)) super.interrupt();
    });
  }
}

/** Whether a wait for it belongs to our scopes already. */
function isCancellable(thenable: PromiseLike<unknown>): boolean {
  return "joinedByDetour" in thenable || GENERATOR in thenable;
}
