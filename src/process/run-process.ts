/** A program, from its start to its end. */
import { quietly } from "../kernel/quiet.ts";
import { argumentsOf, type Command } from "./command.ts";
import { execute } from "./execute.ts";
import { failureOf, hasFailed } from "./outcome.ts";
import { checkOptions, type ProcessResult, type RunProcessOptions } from "./run-options.ts";

/**
 * Runs a program to its end and gives what it wrote. No shell is involved, unless `shell: true` says so. Cancelled, or out of time, it ends the program and
 * all that it started in its process group (SIGTERM, and SIGKILL after `graceMs`), and waits for that. Always a checkpoint.
 *
 * It is over when the program has ended and its outputs have. Should something that it left in the background hold them open, that has half
 * a second; then it is ended, too.
 *
 * @throws ProcessFailedError if it ended with a nonzero exit code or by a signal, unless `check` is false.
 * @throws SpawnError if it cannot be started: says what was not found, and where it was looked for.
 * @throws TimeoutError if it took longer than `timeoutMs`.
 * @throws OutputLimitError if it wrote more than `maxOutputBytes`; it is ended then.
 * @throws TypeError, RangeError if the command or an option is not what it should be.
 *
 * @example
 * ```ts
 * const { stdout } = await runProcess(["git", "rev-parse", "HEAD"], { timeoutMs: 5_000 });
 * ```
 */
export function runProcess(
  command: Command,
  options: RunProcessOptions & { readonly binary: true },
): Promise<ProcessResult<Uint8Array>>;
export function runProcess(
  command: Command,
  options?: RunProcessOptions & { readonly binary?: false },
): Promise<ProcessResult>;
export function runProcess(
  command: Command,
  options: RunProcessOptions = {},
): Promise<ProcessResult<string | Uint8Array>> {
  return quietly(async () => {
    checkOptions(options);
    const parts = argumentsOf("runProcess", command, options.shell);
    const executed = await execute({ command: parts }, options);
    const { status, stdout, stderr } = executed;
    if (hasFailed(status) && options.check !== false) throw failureOf(parts, status, executed);
    return { ...status, stdout, stderr };
  });
}
