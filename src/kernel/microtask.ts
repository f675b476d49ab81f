/**
 * Microtasks, by way of a settled promise: what is called runs in the asynchronous context of the caller.
 * (`queueMicrotask` of Node makes an async resource for each call and costs several times more.)
 */

/** For a wait that need not wait. */
export const DONE: Promise<void> = Promise.resolve();

/** Calls `callback` in a microtask of its own. It must not throw. */
export function inMicrotask(callback: () => void): void {
  void DONE.then(callback);
}
