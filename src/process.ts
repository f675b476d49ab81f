/** Subprocesses, signals, standard streams, the terminal. */
import "./loops/default.ts";
import "./loops/processes.ts";

export type {
  ChildDescriptor,
  ChildOptions,
  ChildTransport,
  ExitStatus,
  Processes,
  SignalName,
} from "./kernel/processes.ts";
export type { Command } from "./process/command.ts";
export { OutputLimitError, ProcessFailedError, SpawnError } from "./process/errors.ts";
export { openProcess, withProcess } from "./process/open-process.ts";
export { openSignals, type SignalReceiver } from "./process/open-signals.ts";
export { type PromptOptions, prompt } from "./process/prompt.ts";
export { withRawMode } from "./process/raw-mode.ts";
export type {
  Input,
  OutputChoice,
  PipelineResult,
  ProcessResult,
  RunPipelineOptions,
  RunProcessOptions,
} from "./process/run-options.ts";
export { runPipeline } from "./process/run-pipeline.ts";
export { runProcess } from "./process/run-process.ts";
export { type StdinLinesOptions, stderr, stdin, stdinLines, stdout } from "./process/standard-streams.ts";
export type { LaunchOptions, ProcessOptions, StderrStdio, Stdio, Subprocess } from "./process/subprocess.ts";
