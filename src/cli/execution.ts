/**
 * Running one command: `main`, with failures as one line instead of a stack, and an end even for what cannot be cancelled.
 */
import { constants } from "node:os";
import process from "node:process";
import { isCancelled } from "../kernel/errors.ts";
import { currentScope } from "../kernel/scope.ts";
import { sleepForever } from "../kernel/sleep.ts";
import { main } from "../process/main.ts";
import { complain, reportFailure } from "./output.ts";

export interface ExecuteOptions {
  /** How long a first signal leaves for an orderly end, in milliseconds; 0 cuts off at once. */
  readonly graceMs: number;
  /** Whether failures are shown with their stack. */
  readonly isDebug: boolean;
}

/** How long what was cancelled may take to clean up. */
const CLEANUP_MS = 1_000;

/** Runs `work` as the program, and sets the exit code; never rejects. */
export async function execute(work: () => Promise<void>, { graceMs, isDebug }: ExecuteOptions): Promise<void> {
  await main(
    async () => {
      const { signal } = currentScope();
      signal.addEventListener("abort", () => endSoon(signal.reason.reason));
      let failure: { readonly error: unknown } | undefined;
      try {
        await work();
      } catch (error) {
        if (isCancelled(error)) throw error;
        failure = { error };
      }
      // Without grace the stop is a cancellation, but connections end a moment before it comes: wait for it.
      if (graceMs === 0 && currentScope().isStopping) await sleepForever();
      if (failure !== undefined) reportFailure(failure.error, isDebug);
    },
    { graceMs },
  );
}

/** A method that waits for a foreign promise does not notice that it was cancelled, and must not keep the program alive. */
function endSoon(signal: "SIGINT" | "SIGTERM"): void {
  setTimeout(() => {
    complain(`cut off by ${signal}, though something was still running: it does not react to its cancellation`);
    process.exit(128 + constants.signals[signal]);
  }, CLEANUP_MS).unref();
}
