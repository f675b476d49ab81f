/**
 * What a failed accept means: one place for all loops and listeners.
 *
 *   the peer's affair   the connection was gone before it was accepted, or its network failed: nobody need hear of it
 *   exhausted           descriptors or memory have run out: the operator is told, and the loop tries again after a pause, as the
 *                       connection stays in the backlog and would fail again at once, without end
 *   anything else       the operator is told, and the listener goes on
 *
 * Linux hands network errors that are pending on a new connection to `accept`; its manual says to treat them as a reason to try again.
 */

/** How long a loop leaves a listener alone after an accept that failed for want of descriptors or memory. */
export const ACCEPT_RETRY_MS = 100;

const exhausted: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

const ofPeers: ReadonlySet<unknown> = new Set([
  "ECONNABORTED",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENONET",
  "ENOPROTOOPT",
  "EOPNOTSUPP",
  "EPERM",
  "EPROTO",
]);

/** Descriptors or memory have run out: try again after `ACCEPT_RETRY_MS`. */
export function isExhausted(error: Error): boolean {
  return "code" in error && exhausted.has(error.code);
}

/** It concerns that one connection alone: accept the next. */
export function isAffairOfPeer(error: Error): boolean {
  return "code" in error && ofPeers.has(error.code);
}
