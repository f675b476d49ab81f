/**
 * The host's timers and clocks, by virtual time in the virtual runs that ask for it, as they were everywhere else.
 *
 * The functions are replaced while anybody needs that, in the whole process, and look each time to which loop the running code belongs.
 * What was copied out of a global variable before the replacement (`const later = setTimeout`) does not follow; imports from `node:timers`
 * and `node:timers/promises` do.
 *
 * Rejected: replacing them for good at the first use (a test that has ended must leave nothing behind); one replacement per run (those that
 * end in another order than they began would put back what the other had put there).
 */
import timers from "node:timers";
import promises from "node:timers/promises";
import type { Loop } from "../../../kernel/ports.ts";
import { currentLoop, isInsideRun } from "../../../kernel/scope.ts";
import { clockReplacements } from "./clocks.ts";
import { type AnyFunction, inTheGuiseOf, type Replacement, replace } from "./patches.ts";
import { callOutside, VirtualImmediate, VirtualTimeout } from "./timeouts.ts";
import { type TimerOptions, virtualDelay, virtualInterval, virtualTurn } from "./timer-promises.ts";

/** A timer that `setTimeout` or `setInterval` gave, whichever clock it follows. */
export interface HostTimer {
  /** Whether it is still to fire and holds the process open. */
  readonly holds: () => boolean;
  /** Where it was asked for. */
  readonly origin: Error;
}

const virtualized = new Set<Loop>();
const watchers = new Set<(timer: HostTimer) => void>();
let takeBack: (() => void) | undefined;

/** Makes the timers and clocks of the host follow `loop` in the code that runs on it. The result ends that. */
export function virtualizeTimers(loop: Loop): () => void {
  return whileIn(virtualized, loop);
}

/** Tells `watcher` of every timer that `setTimeout` or `setInterval` gives, until the result is called. */
export function watchTimers(watcher: (timer: HostTimer) => void): () => void {
  return whileIn(watchers, watcher);
}

function whileIn<T>(set: Set<T>, item: T): () => void {
  takeBack ??= replace(replacements());
  set.add(item);
  return () => {
    set.delete(item);
    if (virtualized.size + watchers.size > 0) return;
    takeBack?.();
    takeBack = undefined;
  };
}

/** The virtual loop that the running code belongs to, if its runs are to see nothing but virtual time. */
function loopHere(): Loop | undefined {
  if (virtualized.size === 0 || !isInsideRun()) return undefined;
  const loop = currentLoop();
  return virtualized.has(loop) ? loop : undefined;
}

function replacements(): Replacement[] {
  return [
    ...both(
      "setTimeout",
      (original) =>
        (callback: unknown, delay: unknown, ...args: unknown[]) =>
          startTimer(original, false, callback, delay, args),
    ),
    ...both(
      "setInterval",
      (original) =>
        (callback: unknown, delay: unknown, ...args: unknown[]) =>
          startTimer(original, true, callback, delay, args),
    ),
    ...both("setImmediate", (original) => (callback: unknown, ...args: unknown[]) => {
      const loop = loopHere();
      if (loop === undefined || typeof callback !== "function") return original(callback, ...args);
      return new VirtualImmediate(loop, callback as AnyFunction, args);
    }),
    ...both("clearTimeout", stopTimer),
    ...both("clearInterval", stopTimer),
    ...both("clearImmediate", (original) => (immediate: unknown) => {
      if (immediate instanceof VirtualImmediate) immediate.close();
      else original(immediate);
    }),
    inPlace(promises, "setTimeout", (original) => (ms: unknown, value: unknown, options?: TimerOptions) => {
      const loop = loopHere();
      return loop === undefined ? original(ms, value, options) : virtualDelay(loop, ms, value, options);
    }),
    inPlace(promises, "setImmediate", (original) => (value: unknown, options?: TimerOptions) => {
      const loop = loopHere();
      return loop === undefined ? original(value, options) : virtualTurn(loop, value, options);
    }),
    inPlace(promises, "setInterval", (original) => (ms: unknown, value: unknown, options?: TimerOptions) => {
      const loop = loopHere();
      return loop === undefined ? original(ms, value, options) : virtualInterval(loop, ms, value, options);
    }),
    inPlace(promises.scheduler, "wait", (original) => (ms: unknown, options?: TimerOptions) => {
      const loop = loopHere();
      if (loop === undefined) return Reflect.apply(original, promises.scheduler, [ms, options]);
      return virtualDelay(loop, ms, undefined, options);
    }),
    inPlace(promises.scheduler, "yield", (original) => () => {
      const loop = loopHere();
      return loop === undefined ? Reflect.apply(original, promises.scheduler, []) : virtualTurn(loop, undefined);
    }),
    inPlace(AbortSignal, "timeout", (original) => (ms: number) => {
      const loop = loopHere();
      // What is no duration the original refuses.
      return loop === undefined || !(ms >= 0)
        ? Reflect.apply(original, AbortSignal, [ms])
        : virtualTimeoutSignal(loop, ms);
    }),
    ...clockReplacements(loopHere),
  ];
}

/** A function that is a global variable and an export of `node:timers`. */
function both(key: string, make: (original: AnyFunction) => AnyFunction): Replacement[] {
  return [inPlace(globalThis, key, make), inPlace(timers, key, make)];
}

function inPlace(target: object, key: string, make: (original: AnyFunction) => AnyFunction): Replacement {
  return { target, key, make: (original) => inTheGuiseOf(original, make(original)) };
}

function startTimer(
  original: AnyFunction,
  repeats: boolean,
  callback: unknown,
  delay: unknown,
  args: unknown[],
): unknown {
  const loop = loopHere();
  if (loop === undefined || typeof callback !== "function") {
    const timeout = original(callback, delay, ...args);
    // Node says in no public way whether one has fired or was cleared.
    tell(() => !(timeout as { _destroyed: boolean })._destroyed && timeout.hasRef());
    return timeout;
  }
  const timeout = new VirtualTimeout(loop, delay, repeats, callback as AnyFunction, args);
  tell(() => timeout.isPending && timeout.hasRef());
  return timeout;
}

function stopTimer(original: AnyFunction): AnyFunction {
  return (timeout: unknown) => {
    const ours = timeout instanceof VirtualTimeout ? timeout : VirtualTimeout.of(timeout);
    if (ours === undefined) original(timeout);
    else ours.close();
  };
}

function tell(holds: () => boolean): void {
  if (watchers.size === 0) return;
  const timer: HostTimer = { holds, origin: new Error("a timer") };
  for (const watcher of watchers) watcher(timer);
}

function virtualTimeoutSignal(loop: Loop, ms: number): AbortSignal {
  const controller = new AbortController();
  callOutside(loop, Math.max(ms, 1), () =>
    controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError")),
  );
  return controller.signal;
}
