/**
 * A standard signal that cancels a scope: one listener, which goes when the scope is left (rule 16).
 */
import { cancelNode } from "./propagation.ts";
import type { ScopeNode } from "./scope-node.ts";

/** Cancels `node`, with the reason of `signal`, when that is aborted; now, if it was. The result takes the listener back. */
export function linkSignal(node: ScopeNode, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return unlinked;
  const abort = (): void => cancelNode(node, signal.reason, "an AbortSignal");
  if (signal.aborted) {
    abort();
    return unlinked;
  }
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}

/** What a function that takes a signal rejects with when it is given something else: an `AbortController`, mostly. */
export function checkSignal(what: string, signal: AbortSignal | undefined): TypeError | undefined {
  if (signal === undefined) return undefined;
  const { aborted, addEventListener } = Object(signal) as Partial<AbortSignal>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return undefined;
  return new TypeError(`${what}: signal: expected an AbortSignal, such as the signal of an AbortController`);
}

function unlinked(): void {}
