/**
 * Rule 15, for promises: one that was abandoned must not raise `unhandledRejection` because of a cancellation,
 * while a real failure in it must. So a promise is marked as handled only when a cancellation rejects it, and only after
 * the error was built: a second reaction on a promise would end the asynchronous stack there.
 */
import { Cancelled } from "./errors.ts";
import { inMicrotask } from "./microtask.ts";

export function markHandled(promise: Promise<unknown>): void {
  promise.then(undefined, ignore);
}

/**
 * The same for the promise of the async function that is throwing right now, and so cannot be named yet.
 * In time: unhandled rejections are reported after the microtasks have run dry.
 */
export function markHandledSoon(promise: () => Promise<unknown>): void {
  inMicrotask(() => markHandled(promise()));
}

/** The promise of the async function `work`, quiet when a cancellation rejects it. */
export function quietly<T>(work: () => Promise<T>): Promise<T> {
  const promise = passThrough();
  return promise;

  async function passThrough(): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Cancelled) markHandledSoon(() => promise);
      throw error;
    }
  }
}

function ignore(): void {}
