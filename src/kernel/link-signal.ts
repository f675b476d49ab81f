/**
 * A standard signal that cancels scopes: one listener for all of them, which goes when the last one is left (rule 16).
 *
 * Rejected: a listener for each scope (to add one, and to remove one, a signal looks through all it has: ten thousand requests at a
 * time under one signal paid 0.1 ms each).
 */
import { cancelNode } from "./propagation.ts";
import type { ScopeNode } from "./scope-node.ts";

/** What is linked to a signal. */
interface Bridge {
  readonly cancels: Set<() => void>;
  readonly listener: () => void;
}

const bridges = new WeakMap<AbortSignal, Bridge>();

/** Cancels `node`, with the reason of `signal`, when that is aborted; now, if it was. The result takes that back. */
export function linkSignal(node: ScopeNode, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return unlinked;
  const cancel = (): void => cancelNode(node, signal.reason, "an AbortSignal");
  if (signal.aborted) {
    cancel();
    return unlinked;
  }
  const { cancels, listener } = bridges.get(signal) ?? bridge(signal);
  cancels.add(cancel);
  return () => {
    if (!cancels.delete(cancel) || cancels.size > 0) return;
    bridges.delete(signal);
    signal.removeEventListener("abort", listener);
  };
}

function bridge(signal: AbortSignal): Bridge {
  const cancels = new Set<() => void>();
  const listener = (): void => {
    for (const cancel of cancels) cancel();
  };
  const made: Bridge = { cancels, listener };
  bridges.set(signal, made);
  signal.addEventListener("abort", listener, { once: true });
  return made;
}

/** What a function that takes a signal rejects with when it is given something else: an `AbortController`, mostly. */
export function checkSignal(what: string, signal: AbortSignal | undefined): TypeError | undefined {
  if (signal === undefined) return undefined;
  const { aborted, addEventListener } = Object(signal) as Partial<AbortSignal>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return undefined;
  return new TypeError(`${what}: signal: expected an AbortSignal, such as the signal of an AbortController`);
}

function unlinked(): void {}
