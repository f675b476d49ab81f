/**
 * The scopes that users open, each a policy on top of `enclose`:
 *
 *   function       its own cancellation         a deadline of its own
 *   cancelScope    swallowed: undefined         if asked for
 *   moveOnAfter    swallowed: undefined         yes
 *   withTimeout    by hand: rethrown            yes: `TimeoutError`
 *   shield         by hand: rethrown            if set; hides what is outside
 *
 * None of them is a checkpoint. All let through what is not theirs.
 */
import type { Returned } from "./body.ts";
import type { CancelScope } from "./cancel-scope.ts";
import { describe } from "./check-function.ts";
import { enclose, rethrow, swallow } from "./enclose.ts";
import { TimeoutError } from "./errors.ts";
import { checkSignal, linkSignal } from "./link-signal.ts";
import { checkDeadline, grantGrace, setDeadline } from "./propagation.ts";
import { currentNode, Scope } from "./scope.ts";
import { EXPIRED, type ScopeNode, SHIELD } from "./scope-node.ts";

type Body<T> = (scope: CancelScope) => Returned<T>;

/** When a cancel scope is cancelled by itself, what cancels it from outside, and how it is called. */
export interface CancelScopeOptions {
  /** What it is called in messages. */
  readonly name?: string;
  /** Absolute, on the loop's clock (`currentLoop().time()`), in milliseconds. */
  readonly deadline?: number;
  /** Cancels the scope when aborted, at once if it is already; its reason becomes the scope's. */
  readonly signal?: AbortSignal;
}

/**
 * Runs `body` in a scope that can be cancelled as one, and gives its value, or `undefined` if the scope's own cancellation
 * cut it short. A body that finishes first keeps its value. Cancellations from outside pass.
 *
 * With a `signal`, an abort is such a cancellation; one listener is on the signal while the body runs, and none afterwards.
 *
 * @throws RangeError if the deadline is `NaN`, TypeError if `signal` is no `AbortSignal`.
 */
export function cancelScope<T>(body: Body<T>, options: CancelScopeOptions = {}): Promise<T | undefined> {
  const { deadline, signal } = options;
  const invalid = (deadline === undefined ? undefined : checkDeadline(deadline)) ?? checkSignal("cancelScope", signal);
  if (invalid !== undefined) return Promise.reject(invalid);
  const node = new Scope(currentNode(), currentNode().loop, options.name ?? "a cancel scope");
  if (deadline !== undefined) setDeadline(node, deadline);
  return enclose<CancelScope, T | undefined>(node, body, node, swallow, linkSignal(node, signal));
}

/**
 * Runs `body` for at most `ms` milliseconds, counted from now, and gives its value, or `undefined` if time ran out
 * (or somebody cancelled the scope). The body's cleanup is waited for.
 *
 * @throws RangeError if `ms` is negative or `NaN`.
 */
export function moveOnAfter<T>(ms: number, body: Body<T>): Promise<T | undefined> {
  const invalid = checkDuration("moveOnAfter", ms);
  if (invalid !== undefined) return Promise.reject(invalid);
  const node = timed("moveOnAfter", ms);
  return enclose<CancelScope, T | undefined>(node, body, node, swallow);
}

/**
 * Runs `body` for at most `ms` milliseconds, counted from now. The body's cleanup is waited for, and a body that finishes
 * first keeps its value.
 *
 * @throws TimeoutError if its own time ran out and cut the body short; not for a deadline around it.
 * @throws RangeError if `ms` is negative or `NaN`.
 */
export function withTimeout<T>(ms: number, body: Body<T>): Promise<T> {
  const invalid = checkDuration("withTimeout", ms);
  if (invalid !== undefined) return Promise.reject(invalid);
  const node = timed("withTimeout", ms);
  return enclose(node, body, node, (cancelled) => {
    if ((node.flags & EXPIRED) === 0) throw cancelled;
    swallow(cancelled, node);
    throw new TimeoutError(`timed out after ${ms} ms`);
  });
}

/** How long a shield holds. */
export interface ShieldOptions {
  /** How long after the cancellation outside the shield falls; by default never. */
  readonly graceMs?: number;
}

/**
 * Runs `body` hidden from cancellations and deadlines outside: for cleanup that must wait. Its own and inner deadlines still fire.
 * With `graceMs`, it falls that long after the cancellation outside, which then reaches the body.
 *
 * @throws RangeError if `graceMs` is negative or `NaN`.
 */
export function shield<T>(body: Body<T>, options: ShieldOptions = {}): Promise<T> {
  const { graceMs } = options;
  const invalid = graceMs === undefined ? undefined : checkDuration("shield: graceMs", graceMs);
  if (invalid !== undefined) return Promise.reject(invalid);
  const node = new Scope(currentNode(), currentNode().loop, "shield", SHIELD);
  if (graceMs !== undefined) grantGrace(node, graceMs);
  return enclose(node, body, node, rethrow);
}

function timed(what: string, ms: number): ScopeNode & CancelScope {
  const parent = currentNode();
  const node = new Scope(parent, parent.loop, `${what}(${ms})`);
  if (ms !== Infinity) setDeadline(node, node.loop.time() + ms);
  return node;
}

export function checkDuration(what: string, ms: number): RangeError | undefined {
  if (typeof ms === "number" && ms >= 0) return undefined;
  return new RangeError(`${what}: expected a duration in milliseconds, zero or more, got ${describe(ms)}`);
}
