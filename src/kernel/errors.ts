/**
 * The error classes of the kernel, each with a stable `code`, and those that several layers throw. A layer with errors of its own declares them.
 *
 * Invariant: a message says what happened and what to do about it. Names are set on the
 * prototype, so printing an error shows no stray fields.
 */
import type { CancelScope } from "./cancel-scope.ts";

/** Who cancels a scope whose own deadline has passed. */
export const BY_DEADLINE = "its deadline";

/**
 * Gives a cancellation the stack of this place, once: a wait in a generator is cut short outside of its frame, and the
 * error is then thrown in.
 */
export let showHere: (error: Cancelled) => void;

/**
 * Thrown at a checkpoint of a cancelled scope. Let it pass: the scope that it names swallows it.
 *
 * `name` is `"AbortError"` and `code` is `"ABORT_ERR"`, so that checks written for `AbortSignal` work.
 * `isCancelled(error)` is true for this class alone.
 */
export class Cancelled extends Error {
  declare readonly code: "ABORT_ERR";
  // Private, with getters: an error that is printed shows its own fields, and the tree of scopes is no reading for a log.
  readonly #scope: CancelScope;
  readonly #reason: unknown;
  readonly #origin: string;
  #isFresh = true;

  constructor(scope: CancelScope, title: string, reason: unknown, origin: string) {
    super(describeCancellation(title, reason, origin));
    this.#scope = scope;
    this.#reason = reason;
    this.#origin = origin;
  }

  /** The outermost visible cancelled scope: the one that will swallow this error. */
  get scope(): CancelScope {
    return this.#scope;
  }

  /** What that scope was cancelled with. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Who cancelled it: a task by its name, a deadline, a signal. For people to read. */
  get origin(): string {
    return this.#origin;
  }

  static {
    identify(Cancelled, "AbortError", "ABORT_ERR");
    showHere = (error) => {
      if (!error.#isFresh) return;
      error.#isFresh = false;
      Error.captureStackTrace(error, showHere);
    };
  }
}

/** `withTimeout` ran out of time. Never thrown for a cancellation by hand or from outside. */
export class TimeoutError extends Error {
  declare readonly code: "TIMEOUT";
  static {
    identify(TimeoutError, "TimeoutError", "TIMEOUT");
  }
}

/** The thing was closed on this side. */
export class ClosedError extends Error {
  declare readonly code: "CLOSED";
  static {
    identify(ClosedError, "ClosedError", "CLOSED");
  }
}

/** The other side is gone: a connection that was lost, a channel without receivers. What can say more of it is a subclass, with a code of its own. */
export class BrokenError extends Error {
  declare readonly code: string;
  static {
    identify(BrokenError, "BrokenError", "BROKEN");
  }
}

/** Two users at once of an end that serves one. */
export class BusyError extends Error {
  declare readonly code: "BUSY";
  static {
    identify(BusyError, "BusyError", "BUSY");
  }
}

/** Every sender is closed and what they sent has been received. */
export class EndOfChannel extends Error {
  declare readonly code: "END_OF_CHANNEL";
  static {
    identify(EndOfChannel, "EndOfChannel", "END_OF_CHANNEL");
  }
}

/** A call that makes no sense in the state that the thing is in. */
export class InvalidStateError extends Error {
  declare readonly code: "INVALID_STATE";
  static {
    identify(InvalidStateError, "InvalidStateError", "INVALID_STATE");
  }
}

/**
 * A wait that could never end: every task is blocked and no timer is pending; or a task asks for what it holds itself, alone or around
 * a circle of tasks that wait for each other.
 */
export class DeadlockError extends Error {
  declare readonly code: "DEADLOCK";
  static {
    identify(DeadlockError, "DeadlockError", "DEADLOCK");
  }
}

/** Whether `error` is a cancellation of this library (not just any `AbortError`). */
export function isCancelled(error: unknown): error is Cancelled {
  return error instanceof Cancelled;
}

const suppressed = new WeakMap<object, unknown[]>();

/**
 * The failures that came after `error` while a task group was unwinding because of it, in order.
 * Empty for an error without any, and for a thrown primitive.
 */
export function suppressedErrors(error: unknown): readonly unknown[] {
  return isObject(error) ? (suppressed.get(error) ?? []) : [];
}

/** Keeps `later` with the failure that was first. */
export function suppress(first: unknown, later: unknown): void {
  if (first === later || !isObject(first)) return;
  const list = suppressed.get(first);
  if (list === undefined) suppressed.set(first, [later]);
  else if (!list.includes(later)) list.push(later);
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function describeCancellation(title: string, reason: unknown, origin: string): string {
  const what = `${title} was cancelled by ${origin}`;
  const why = reason instanceof Error ? reason.message : reason;
  return why === undefined || origin === BY_DEADLINE ? what : `${what}: ${printed(why)}`;
}

/** Anything may be a reason, and what cannot be printed must not get in the way of cancelling. */
function printed(why: unknown): string {
  try {
    return String(why);
  } catch {
    return Object.prototype.toString.call(why);
  }
}

/** Gives an error class its name and its code. */
export function identify(errorClass: { prototype: object }, name: string, code: string): void {
  Object.defineProperty(errorClass.prototype, "name", { value: name, configurable: true, writable: true });
  Object.defineProperty(errorClass.prototype, "code", { value: code, configurable: true, writable: true });
}
