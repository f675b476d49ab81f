/**
 * Waiting for a foreign promise, cancellably.
 *
 * However often a promise is waited for and abandoned, it carries one reaction of ours: those who wait stand in a
 * queue that a `WeakMap` finds by the promise. (A reaction each would stay with a long-lived promise for ever,
 * which is how `Promise.race` leaks.)
 */
import { detour, mustDetour } from "./checkpoint.ts";
import { inMicrotask } from "./microtask.ts";
import { currentNode } from "./scope.ts";
import { WaitQueue } from "./wait-queue.ts";
import { Waiter } from "./waiter.ts";

type Watch = WaitQueue<UntilWaiter<unknown>>;

const watches = new WeakMap<PromiseLike<unknown>, Watch>();

/**
 * Waits for `promise`, and abandons it when cancelled: whatever it stands for goes on, and its outcome is ignored.
 * Where the work itself can be stopped, use `abortable`. Always a checkpoint; a promise that settled before
 * the cancellation keeps its value.
 */
export function until<T>(promise: PromiseLike<T>): Promise<T> {
  const scope = currentNode();
  if (mustDetour(scope)) {
    // It is abandoned before it was waited for, so its failure is nobody's any more.
    if (scope.cancelledBy !== null) promise.then(undefined, () => {});
    return detour(scope, () => until(promise));
  }
  const waiter = new UntilWaiter<T>(scope);
  watchOf(promise).push(waiter as UntilWaiter<unknown>);
  return waiter.promise;
}

function watchOf(promise: PromiseLike<unknown>): Watch {
  const known = watches.get(promise);
  if (known !== undefined) return known;
  const watch: Watch = new WaitQueue();
  watches.set(promise, watch);
  promise.then(
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
  /**
   * A promise that has settled already has its reaction queued as a microtask, ahead of ours: so one microtask later we know
   * whether it settled before the cancellation, and then it keeps its value.
   */
  override interrupt(): undefined {
    inMicrotask(() => {
      if (this.queue !== null) super.interrupt();
    });
  }
}
