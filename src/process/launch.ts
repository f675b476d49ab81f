/**
 * Starting a child: which descriptor goes where, and what is told if it cannot be started.
 *
 * A pipe that is both standard output and standard error is made by `/bin/sh`, which then becomes the program: Node gives each of the
 * two a pipe of its own, and the order in which they were written would be lost.
 */
import { describe, objectionToOptions } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import type { ChildDescriptor } from "../kernel/processes.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { checkDuration } from "../kernel/scopes.ts";
import { Child } from "./child.ts";
import { objectionTo, type Surroundings, spawnFailed } from "./executable.ts";
import { PipeStream } from "./pipe-stream.ts";
import type { StderrStdio, Stdio } from "./subprocess.ts";

const GRACE_MS = 5_000;
const BOTH_OUTPUTS = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh"];

export interface Launch extends Surroundings {
  readonly command: readonly string[];
  /** What is run in the end, if that is something of ours that runs the command. */
  readonly runs?: readonly string[];
  readonly graceMs: number | undefined;
  readonly stdin: Stdio;
  readonly stdout: Stdio;
  readonly stderr: StderrStdio;
  /** Whether it has one more pipe, as descriptor 3. */
  readonly hasReport?: boolean;
}

/** A checkpoint at its entry only: a child that was started is handed over. */
export function launch(what: Launch): Promise<Child> {
  const graceMs = what.graceMs ?? GRACE_MS;
  const invalid =
    checkDuration("graceMs", graceMs) ?? (what.env === undefined ? undefined : objectionToOptions("env", what.env));
  if (invalid !== undefined) return Promise.reject(invalid);
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => launch(what));
  return quietly(async () => {
    const { command, cwd, env, stdin, stdout, stderr } = what;
    const isJoined = stderr === "stdout" && stdout === "pipe";
    const pipes = {
      stdin: pipeFor(stdin),
      stdout: pipeFor(stdout),
      stderr: pipeFor(stderr),
      report: what.hasReport === true ? new PipeStream() : undefined,
    };
    const descriptors = [
      descriptorFor(0, stdin, pipes.stdin),
      descriptorFor(1, stdout, pipes.stdout),
      isJoined
        ? "ignore"
        : stderr === "stdout"
          ? descriptorFor(1, stdout, undefined)
          : descriptorFor(2, stderr, pipes.stderr),
      ...(pipes.report === undefined ? [] : [{ pipe: pipes.report }]),
    ];
    if (isJoined && what.runs === undefined) {
      const objection = objectionTo(command, what);
      if (objection !== undefined) throw objection;
    }
    const child = new Child(command, graceMs, pipes);
    const runs = what.runs ?? command;
    const [file = "", ...args] = isJoined ? [...BOTH_OUTPUTS, ...runs] : runs;
    try {
      const transport = await scope.loop.processes.spawn({ file, args, cwd, env, descriptors }, (status) =>
        child.hasExited(status),
      );
      return child.hasStarted(transport);
    } catch (error) {
      throw spawnFailed(command, what, error);
    }
  });
}

function pipeFor(stdio: StderrStdio): PipeStream | undefined {
  return stdio === "pipe" ? new PipeStream() : undefined;
}

function descriptorFor(number: number, stdio: StderrStdio, pipe: PipeStream | undefined): ChildDescriptor {
  if (pipe !== undefined) return { pipe };
  if (stdio === "inherit") return number;
  if (stdio === "ignore" || (Number.isInteger(stdio) && Number(stdio) >= 0)) return stdio as "ignore" | number;
  throw new TypeError(
    `descriptor ${number} of a child: expected "pipe", "inherit", "ignore" or the number of a descriptor, got ${describe(stdio)}`,
  );
}
