/**
 * The ambient value: what "the current scope" means while a piece of code runs.
 *
 * This is the only file of the kernel that knows `AsyncLocalStorage`. There is one
 * instance for the whole library, because each further instance makes entering dearer,
 * and its value is one tree node (a scope or a task), from which everything else
 * ambient is reached.
 */
import { AsyncLocalStorage } from "node:async_hooks";

export interface Ambient<T> {
  /** The value in force here, or `undefined` outside of every `run`. */
  get(): T | undefined;
  /** Calls `fn(a, b)` with `value` in force, and what it starts inherits it. */
  within<A, B, R>(value: T, fn: (a: A, b: B) => R, a: A, b: B): R;
  /**
   * Puts `value` in force for the rest of this callback and what it starts.
   * Half the cost of `within`; only for a microtask that the kernel itself began.
   */
  enter(value: T): void;
}

export function createAmbient<T>(): Ambient<T> {
  const storage = new AsyncLocalStorage<T>();
  return {
    get: () => storage.getStore(),
    within: (value, fn, a, b) => storage.run(value, fn, a, b),
    enter: (value) => storage.enterWith(value),
  };
}

/** Calls `fn(...args)` in the asynchronous context in which it was made: this library's value and those of every other storage. */
export type InContext = <A extends unknown[], R>(fn: (...args: A) => R, ...args: A) => R;

/** For callbacks that come from somewhere else: the context of this call, to call them in. */
export function captureContext(): InContext {
  return AsyncLocalStorage.snapshot() as InContext;
}
