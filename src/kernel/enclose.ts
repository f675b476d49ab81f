/**
 * Running a body inside a scope: enter, wait for the body, leave. The engine of `cancelScope`, `withTimeout`, `shield` and kin.
 */
import { callBody, type Returned } from "./body.ts";
import { Cancelled } from "./errors.ts";
import { inMicrotask } from "./microtask.ts";
import { closeNode } from "./propagation.ts";
import { markHandled } from "./quiet.ts";
import { ambient } from "./scope.ts";
import { CAUGHT, type ScopeNode } from "./scope-node.ts";

/** Calls `body(argument)` with `node` in force. */
export function callInScope<A, T>(node: ScopeNode, body: (argument: A) => Returned<T>, argument: A): T | Promise<T> {
  return ambient.within(node, callBody<A, T>, body, argument);
}

/** What a scope makes of its own cancellation: a value, or an error that it throws. */
export type Verdict<T> = (cancelled: Cancelled, node: ScopeNode) => T;

export function rethrow(cancelled: Cancelled): never {
  throw cancelled;
}

/** Notes that it ends here, as `cancelledCaught` tells. */
export function swallow(_cancelled: Cancelled, node: ScopeNode): undefined {
  node.flags |= CAUGHT;
}

/**
 * Runs `body` inside `node` and closes it. Its own cancellation goes to `verdict`; everything else passes.
 * `leave` is called on the way out. The promise is quiet about cancellations (rule 15).
 */
export function enclose<A, T>(
  node: ScopeNode,
  body: (argument: A) => Returned<T>,
  argument: A,
  verdict: Verdict<T>,
  leave: () => void = () => {},
): Promise<T> {
  const promise = inScope();
  return promise;

  async function inScope(): Promise<T> {
    try {
      const value = await callInScope(node, body, argument);
      closeNode(node);
      leave();
      return value;
    } catch (error) {
      closeNode(node);
      leave();
      if (!(error instanceof Cancelled)) throw error;
      // Where it is swallowed, what comes instead may be an error of another kind, which is not to be hidden.
      inMicrotask(() => {
        if ((node.flags & CAUGHT) === 0) markHandled(promise);
      });
      if (error.scope !== node.scope) throw error;
      return verdict(error, node);
    }
  }
}
