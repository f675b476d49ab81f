/**
 * What runs functions for an event loop: threads and processes come from other layers; by default they run here, in a later turn.
 */
import { checkFunction, describe } from "../kernel/check-function.ts";
import { ClosedError } from "../kernel/errors.ts";
import type { FutureLike } from "../kernel/future-like.ts";

/** Runs functions somewhere: in threads, in processes, or right here. */
export interface Executor {
  /** Has `fn(...args)` called, and tells how it ended. A future is cancelled when its wait is; a promise is abandoned. */
  submit<A extends unknown[], T>(fn: (...args: A) => T, ...args: A): FutureLike<Awaited<T>> | PromiseLike<Awaited<T>>;
  /** Ends it: takes no more, and settles when all that was submitted has ended. */
  close?(): void | PromiseLike<void>;
}

/** @throws TypeError if `executor` is none. */
export function checkExecutor(where: string, executor: unknown): void {
  if (typeof (executor as Partial<Executor> | null)?.submit === "function") return;
  throw new TypeError(`${where}: expected an Executor, something that has submit(), got ${describe(executor)}`);
}

/** Calls what it is given in a later turn of the event loop, which a long computation therefore holds up: for tests, and where there are no threads. */
export class TurnExecutor implements Executor {
  readonly #later: (callback: () => void) => void;
  /** Of those whose turn has not come. */
  readonly #drops = new Set<(reason: unknown) => void>();

  constructor(later: (callback: () => void) => void) {
    this.#later = later;
  }

  submit<A extends unknown[], T>(fn: (...args: A) => T, ...args: A): Promise<Awaited<T>> {
    checkFunction("runInExecutor", fn);
    return new Promise<Awaited<T>>((resolve, reject) => {
      this.#drops.add(reject);
      this.#later(() => {
        this.#drops.delete(reject);
        try {
          resolve(fn(...args) as Awaited<T>);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** The loop is closed: no turn will come any more. */
  close(): void {
    for (const drop of this.#drops) drop(new ClosedError("runInExecutor: the event loop was closed before the call"));
    this.#drops.clear();
  }
}
