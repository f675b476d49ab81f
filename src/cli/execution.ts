/**
 * Running one command: `main`, with failures as one line instead of a stack.
 */
import { isCancelled } from "../kernel/errors.ts";
import { currentScope } from "../kernel/scope.ts";
import { sleepForever } from "../kernel/sleep.ts";
import { main } from "../process/main.ts";
import { reportFailure } from "./output.ts";

export interface ExecuteOptions {
  /** How long a first signal leaves for an orderly end, in milliseconds; 0 cuts off at once. */
  readonly graceMs: number;
  /** Whether failures are shown with their stack. */
  readonly isDebug: boolean;
}

/** Runs `work` as the program, and sets the exit code; never rejects. */
export async function execute(work: () => Promise<void>, { graceMs, isDebug }: ExecuteOptions): Promise<void> {
  await main(
    async () => {
      try {
        await work();
      } catch (error) {
        if (isCancelled(error)) throw error;
        // The stop itself made calls fail, a moment before the cancellation that follows it: wait for that.
        if (graceMs === 0 && currentScope().isStopping) await sleepForever();
        reportFailure(error, isDebug);
      }
    },
    { graceMs },
  );
}
