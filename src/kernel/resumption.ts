/**
 * In which order those go on that were woken in the same moment.
 *
 * As a rule in the order in which they were woken: a wait settles its promise at once. A loop may draw the order instead, so that a
 * test tries more than one (the virtual loop does, given a seed). Who gets a value, a lock or a permit is not its choice:
 * that is settled when the wait is woken, first come, first served, and a cancellation can take it from nobody.
 *
 * Rejected: asking the loop at every wake-up (its lookup costs more than the wake-up does); a flag that is taken back when the last such
 * loop has ended (a process that has one is a test, and what its last run leaves behind is still its own).
 */
import type { Loop } from "./ports.ts";

/**
 * Whether any loop of this process draws the order. All that a normal program pays for is a look at this, and where it never changes
 * V8 spares that too: it takes a field that was written once for a constant (a `let` of a module it looks up each time).
 */
export const order = { isDrawn: false };

/** A loop is about to be used whose `resume` draws. */
export function drawOrder(): void {
  order.isDrawn = true;
}

/** The promises of waits that have ended, nothing can take that from them, and that are settled when the loop has drawn so. */
export const ended: WeakSet<Promise<unknown>> = new WeakSet();

/** Lets somebody on `loop` go on by calling `go(value)`: at once, or when the loop has drawn so. */
export function inTurn<T>(loop: Loop, go: (value: T) => void, value?: T): void {
  if (loop.resume === undefined) go(value as T);
  else loop.resume(() => go(value as T));
}
