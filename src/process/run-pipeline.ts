/**
 * Programs, each of which reads what the one before it writes.
 *
 * `/bin/sh` makes the pipes, and reports how each command ended on one more pipe (descriptor 3), a line each. Node's own pipes are socket pairs:
 * a command blocked in a write to one whose reader has ended gets ECONNRESET, where a pipe ends it with SIGPIPE, as programs expect. The
 * shell is given no text of the user's but arguments, so nothing in them has a meaning to it. It tells a signal as an exit code
 * above 128, and is taken at its word.
 */
import { constants } from "node:os";
import { describe } from "../kernel/check-function.ts";
import type { ExitStatus, SignalName } from "../kernel/processes.ts";
import { quietly } from "../kernel/quiet.ts";
import { argumentsOf, type Command } from "./command.ts";
import { objectionTo } from "./executable.ts";
import { execute } from "./execute.ts";
import { failureOf, hasFailed } from "./outcome.ts";
import { checkOptions, type PipelineResult, type RunPipelineOptions } from "./run-options.ts";

/** The exit code of a shell for a command that a signal ended is this and the number of the signal. */
const SIGNALLED = 128;

/**
 * Runs `commands`, each reading what the one before it writes, to the end of them all, and gives what the last one wrote. They are one
 * process group, which is ended as one; for the rest it is as `runProcess`. Always a checkpoint.
 *
 * Each of them must succeed, not only the last: only a command that was ended by SIGPIPE, as the next one wanted no more of it (`yes | head`),
 * has not failed.
 *
 * @throws ProcessFailedError of the first command that failed, unless `check` is false.
 * @throws what else `runProcess` throws; SpawnError before any of them is started.
 *
 * @example
 * ```ts
 * const { stdout } = await runPipeline([["git", "log", "--format=%an"], ["sort"], ["uniq", "-c"]]);
 * ```
 */
export function runPipeline(
  commands: readonly Command[],
  options: RunPipelineOptions & { readonly binary: true },
): Promise<PipelineResult<Uint8Array>>;
export function runPipeline(
  commands: readonly Command[],
  options?: RunPipelineOptions & { readonly binary?: false },
): Promise<PipelineResult>;
export function runPipeline(
  commands: readonly Command[],
  options: RunPipelineOptions = {},
): Promise<PipelineResult<string | Uint8Array>> {
  return quietly(async () => {
    if (!Array.isArray(commands)) {
      throw new TypeError(`runPipeline: expected an array of commands, got ${describe(commands)}`);
    }
    const parts = commands.map((command) => argumentsOf("runPipeline", command, false));
    if (parts.length === 0) throw new TypeError("runPipeline: expected at least one command, got none");
    checkOptions(options);
    for (const command of parts) {
      const objection = objectionTo(command, options);
      if (objection !== undefined) throw objection;
    }
    const command = parts.flatMap((part, index) => (index === 0 ? part : ["|", ...part]));
    const runs = ["/bin/sh", "-c", scriptFor(parts), "sh", ...parts.flat()];
    const executed = await execute({ command, runs, hasReport: true }, options);
    const { stdout, stderr } = executed;
    const statuses = statusesIn(executed.report, parts.length, executed.status);
    const failed = statuses.findIndex(
      (status, index) => hasFailed(status) && !(status.signal === "SIGPIPE" && index < parts.length - 1),
    );
    if (failed !== -1 && options.check !== false) {
      throw failureOf(parts[failed] as readonly string[], statuses[failed] as ExitStatus, executed);
    }
    return { ...(statuses.at(-1) as ExitStatus), stdout, stderr, statuses };
  });
}

/** `{ "${1}" "${2}" 3>&-; echo "0 $?" >&3; } | ...`, without descriptor 3 for the commands themselves. */
function scriptFor(commands: readonly (readonly string[])[]): string {
  let position = 0;
  return commands
    .map((command, index) => {
      const words = command.map(() => `"\${${++position}}"`).join(" ");
      return `{ ${words} 3>&-; echo "${index} $?" >&3; }`;
    })
    .join(" | ");
}

/** A command of which nothing was reported was ended together with the shell. */
function statusesIn(report: string, count: number, ofShell: ExitStatus): ExitStatus[] {
  const statuses = Array.from({ length: count }, () => ofShell);
  for (const [, index, code] of report.matchAll(/^(\d+) (\d+)$/gm)) statuses[Number(index)] = statusOf(Number(code));
  return statuses;
}

function statusOf(code: number): ExitStatus {
  const found = Object.entries(constants.signals).find(([, number]) => number === code - SIGNALLED);
  return found === undefined ? { code, signal: undefined } : { code: undefined, signal: found[0] as SignalName };
}
