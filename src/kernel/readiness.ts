/** The readiness port: what a loop that watches descriptors itself offers beside `Loop`, for descriptors that are not its own. */
import type { Loop } from "./ports.ts";

export interface ReadinessSource {
  /**
   * Calls `callback` in each turn of the loop in which `descriptor` can be read, or written, or has failed; the result takes that back. It should be
   * taken back before the descriptor is closed. One callback for each of the two.
   *
   * Throws BusyError if there is one already; the system's error for what cannot be watched.
   */
  onReady(descriptor: number, what: "read" | "write", callback: () => void): () => void;
}

export function hasReadiness(loop: Loop): loop is Loop & ReadinessSource {
  return "onReady" in loop;
}
