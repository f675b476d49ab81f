/** The signal port: what a loop of the real world offers, beside `Loop`, for signals that the process is sent. A loop in memory has none. */
import type { Loop } from "./ports.ts";
import type { SignalName } from "./processes.ts";

export interface SignalSource {
  /** Calls `callback` for each `signal`, in place of the system's default; the result takes that back. Throws the system's error for one that cannot be had. */
  onSignal(signal: SignalName, callback: () => void): () => void;
}

export function hasSignals(loop: Loop): loop is Loop & SignalSource {
  return "onSignal" in loop;
}
