/**
 * Running a command to its end: input goes in and outputs are captured all at the same time, so that neither side waits for the other.
 *
 * It is over when the child has ended and its outputs have. Where somebody else still holds an output open (a grandchild in the background),
 * that is waited for `PIPE_GRACE_MS`; then the rest of the group is ended, which closes it, unless the holder has left the group:
 * then what came within another such time is all there is.
 *
 * A child that does not read its input, or not all, is no failure: whether that is one is for its exit code to say.
 */
import { iterate } from "../edges/iterate.ts";
import { BrokenError, TimeoutError } from "../kernel/errors.ts";
import type { ExitStatus } from "../kernel/processes.ts";
import { currentLoop } from "../kernel/scope.ts";
import { cancelScope, moveOnAfter } from "../kernel/scopes.ts";
import type { Task } from "../kernel/task.ts";
import { taskGroup } from "../kernel/task-group.ts";
import type { SendStream } from "../streams/byte-stream.ts";
import { Captured } from "./captured.ts";
import type { Child } from "./child.ts";
import { printedCommand } from "./command.ts";
import { type Launch, launch } from "./launch.ts";
import { inside } from "./open-process.ts";
import { type Input, maxOutputBytesOf, type OutputChoice, type RunProcessOptions } from "./run-options.ts";

const PIPE_GRACE_MS = 500;
/** What something of ours reports is short. */
const MAX_REPORT_BYTES = 64 * 1024;

/** What is run, in which way; the streams are the options' affair. */
export type Execution = Pick<Launch, "command" | "runs" | "hasReport">;

export interface Executed {
  readonly status: ExitStatus;
  readonly stdout: string | Uint8Array;
  readonly stderr: string | Uint8Array;
  readonly report: string;
}

export async function execute(what: Execution, options: RunProcessOptions): Promise<Executed> {
  const { timeoutMs } = options;
  if (timeoutMs === undefined) return executeNow(what, options);
  const deadline = currentLoop().time() + timeoutMs;
  const executed = await cancelScope(() => executeNow(what, options), { deadline });
  if (executed !== undefined) return executed;
  throw new TimeoutError(`${printedCommand(what.command)}: not over after ${timeoutMs} ms (timeoutMs), and was ended`);
}

async function executeNow(what: Execution, options: RunProcessOptions): Promise<Executed> {
  const { cwd, env, graceMs, input, stdin = "ignore", stdout = "capture", stderr = "capture", binary } = options;
  const maxBytes = maxOutputBytesOf(options);
  const out = new Captured(maxBytes);
  const err = new Captured(maxBytes);
  const report = new Captured(MAX_REPORT_BYTES);
  const child = await launch({
    ...what,
    cwd,
    env,
    graceMs,
    stdin: input === undefined ? stdin : "pipe",
    stdout: stdioOf(stdout),
    stderr: stderr === "stdout" ? stderr : stdioOf(stderr),
  });
  const status = await inside(child, () =>
    taskGroup(async (group) => {
      const { command } = what;
      const readers: Task<void>[] = [];
      for (const [stream, captured, name] of [
        [child.stdout, out, "its standard output"],
        [child.stderr, err, "its standard error"],
        [child.report, report, "its report"],
      ] as const) {
        if (stream === undefined) continue;
        readers.push(group.spawn(() => captured.collect(stream, name, command), { name, background: true }));
      }
      if (child.stdin !== undefined && input !== undefined) {
        const pipe = child.stdin;
        group.spawn(() => feed(pipe, input), { name: "its standard input", background: true });
      }
      const ended = await child.wait();
      await endOfOutputs(child, readers);
      return ended;
    }),
  );
  const given = (captured: Captured): string | Uint8Array => (binary === true ? captured.bytes : captured.text);
  return { status, stdout: given(out), stderr: given(err), report: report.text };
}

async function endOfOutputs(child: Child, readers: readonly Task<void>[]): Promise<void> {
  const end = async (): Promise<true> => {
    for (const reader of readers) await reader;
    return true;
  };
  if ((await moveOnAfter(PIPE_GRACE_MS, end)) === true) return;
  await child.endGroup();
  await moveOnAfter(PIPE_GRACE_MS, end);
}

async function feed(pipe: SendStream, input: Input): Promise<void> {
  try {
    if (typeof input === "string" || input instanceof Uint8Array) await pipe.send(bytesOf(input));
    else for await (const chunk of iterate(input)) await pipe.send(bytesOf(chunk));
    await pipe.close();
  } catch (error) {
    if (!(error instanceof BrokenError)) throw error;
  }
}

function bytesOf(chunk: string | Uint8Array): Uint8Array {
  return typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}

function stdioOf(choice: OutputChoice): "pipe" | "inherit" | "ignore" | number {
  return choice === "capture" ? "pipe" : choice;
}
