/**
 * Calling functions that take an `AbortSignal`.
 *
 * Each call gets a signal of its own, linked into the scope as a waiter is and gone when the call settles. So whatever
 * listeners the function leaves on its signal go with it, and a scope that lives for a million calls stays flat.
 */
import { callBody, type Returned } from "./body.ts";
import { detour, mustDetour } from "./checkpoint.ts";
import { Cancelled } from "./errors.ts";
import { appendWaiter, removeWaiter } from "./links.ts";
import { markHandledSoon } from "./quiet.ts";
import { currentNode } from "./scope.ts";
import type { Interruptible, ScopeNode } from "./scope-node.ts";

/**
 * Calls `fn` with a signal that is aborted when the scope is cancelled, and waits until it has settled, aborted or not.
 * Always a checkpoint. What it settles with is kept: a value that came in spite of the abort is returned, an error that is not
 * the abort is thrown. An abort becomes the scope's `Cancelled`.
 *
 * @example
 * ```ts
 * const page = await withTimeout(5_000, () => abortable((signal) => fetch(url, { signal })));
 * ```
 */
export function abortable<T>(fn: (signal: AbortSignal) => Returned<T>): Promise<T> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => abortable(fn));
  const promise = callWithSignal();
  return promise;

  async function callWithSignal(): Promise<T> {
    const link = new AbortLink(scope);
    try {
      return await callBody(fn, link.controller.signal);
    } catch (error) {
      const isOurs = link.controller.signal.aborted && isAbort(error);
      if (isOurs || error instanceof Cancelled) markHandledSoon(() => promise);
      throw isOurs ? link.scope.cancellation() : error;
    } finally {
      removeWaiter(link);
    }
  }
}

function isAbort(error: unknown): boolean {
  return (
    error instanceof Cancelled ||
    (error instanceof Error && (error.name === "AbortError" || ("code" in error && error.code === "ABORT_ERR")))
  );
}

class AbortLink implements Interruptible {
  scope: ScopeNode;
  nextInScope: Interruptible | null = null;
  prevInScope: Interruptible | null = null;
  readonly controller: AbortController = new AbortController();

  constructor(scope: ScopeNode) {
    this.scope = scope;
    appendWaiter(scope, this);
  }

  /** Listeners are user code, so they run when the whole tree has been told. */
  interrupt(): () => void {
    return () => this.controller.abort(this.scope.cancellation());
  }
}
