/** What `runProcess` and `runPipeline` are asked for, and what they give. */
import { describe, objectionToOptions } from "../kernel/check-function.ts";
import type { ExitStatus } from "../kernel/processes.ts";
import { checkDuration } from "../kernel/scopes.ts";
import type { LaunchOptions } from "./subprocess.ts";

/** What becomes of an output: it is captured for the result, goes where that of this process goes, nowhere, or to a descriptor of this process. */
export type OutputChoice = "capture" | "inherit" | "ignore" | number;

/** What goes in. Chunks are sent as they come. */
export type Input = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/** What a pipeline gets, how long it may take, and what becomes of its outputs. */
export interface RunPipelineOptions extends Omit<LaunchOptions, "shell"> {
  /** What it reads on standard input; it need not read all of it. */
  readonly input?: Input;
  /** Where standard input comes from if there is no `input`; by default from nowhere: the end of the file is there at once. */
  readonly stdin?: "inherit" | "ignore" | number;
  /** By default captured. */
  readonly stdout?: OutputChoice;
  readonly stderr?: OutputChoice;
  /** Whether a failure is thrown, which is the default, or only told in the result. */
  readonly check?: boolean;
  /** How long it may take, in milliseconds; then it is ended as by a cancellation, and `TimeoutError` is thrown. */
  readonly timeoutMs?: number;
  /** How much is captured at most, of each output; by default 64 MiB. */
  readonly maxOutputBytes?: number;
  /** Captures bytes; without it, text in UTF-8 (bytes that are none become U+FFFD). */
  readonly binary?: boolean;
}

/** The same for a single process. */
export interface RunProcessOptions extends Omit<RunPipelineOptions, "stderr"> {
  /** As `stdout`; `"stdout"` sends it wherever standard output goes. */
  readonly stderr?: OutputChoice | "stdout";
  /** The command is one string, which `/bin/sh` runs, with all that this means for what is put into it. */
  readonly shell?: boolean;
}

/** How a process ended, and what it wrote. An output that was not captured is empty. */
export interface ProcessResult<Captured extends string | Uint8Array = string> extends ExitStatus {
  readonly stdout: Captured;
  readonly stderr: Captured;
}

/** The result of a pipeline: that of its last command, and how each of them ended. */
export interface PipelineResult<Captured extends string | Uint8Array = string> extends ProcessResult<Captured> {
  readonly statuses: readonly ExitStatus[];
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export function maxOutputBytesOf({ maxOutputBytes = MAX_OUTPUT_BYTES }: RunProcessOptions): number {
  if (Number.isInteger(maxOutputBytes) && maxOutputBytes >= 0) return maxOutputBytes;
  throw new RangeError(`maxOutputBytes: expected a whole number, zero or more, got ${describe(maxOutputBytes)}`);
}

/** @throws what is wrong with them. */
export function checkOptions(options: RunProcessOptions): void {
  const badOptions = objectionToOptions("options of a program", options);
  if (badOptions !== undefined) throw badOptions;
  const { input, stdin, timeoutMs } = options;
  const invalid = timeoutMs === undefined ? undefined : checkDuration("timeoutMs", timeoutMs);
  if (invalid !== undefined) throw invalid;
  maxOutputBytesOf(options);
  if (input !== undefined && stdin !== undefined) {
    throw new TypeError("input and stdin: expected one of the two, for they say where standard input comes from");
  }
  checkStdio("stdin", stdin, "inherit", "ignore");
  checkStdio("stdout", options.stdout, "capture", "inherit", "ignore");
  checkStdio("stderr", options.stderr, "capture", "inherit", "ignore", "stdout");
}

/** A pipe is for `openProcess`: here nobody could read it. */
function checkStdio(name: string, value: unknown, ...choices: readonly string[]): void {
  if (value === undefined || choices.includes(value as string) || (Number.isInteger(value) && (value as number) >= 0))
    return;
  const named = choices.map((choice) => JSON.stringify(choice)).join(", ");
  throw new TypeError(`${name}: expected ${named} or the number of a descriptor, got ${describe(value)}`);
}
