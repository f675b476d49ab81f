/**
 * Waiting for a function that calls back, in the style of Node.js: `(error, value)`.
 */
import { checkFunction } from "../kernel/check-function.ts";
import { waitForCall } from "./call-waiter.ts";

/** The callback that the function is given: an error that is neither `null` nor `undefined` fails the wait. */
export type Done<T> = (error?: unknown, value?: T) => void;

/**
 * Calls `start` with a callback, and waits until that is called: gives the value, or throws the error, unchanged. The first call counts.
 *
 * Always a checkpoint. Cancelled, it waits no longer: if `start` returned a function, that is called to stop what was started, and what it
 * throws is thrown instead of `Cancelled`; whatever the callback is told afterwards is ignored. For functions that take a signal, use
 * `abortable`.
 *
 * @throws what `start` throws.
 *
 * @example
 * ```ts
 * const stats = await fromCallback<Stats>((done) => stat(path, done));
 * await fromCallback((done) => {
 *   const request = store.open(name, done);
 *   return () => request.abort();
 * });
 * ```
 */
export function fromCallback<T = void>(start: (done: Done<T>) => unknown): Promise<T> {
  return waitForCall<T>((ending) => {
    checkFunction("fromCallback", start);
    return start((error, value) => {
      if (error === null || error === undefined) ending.succeed(value as T);
      else ending.failWith(error);
    });
  });
}
