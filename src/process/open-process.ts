/** Child processes with streams. */
import { callBody, type Returned } from "../kernel/body.ts";
import { objectionToOptions } from "../kernel/check-function.ts";
import { Cancelled, suppress } from "../kernel/errors.ts";
import { quietly } from "../kernel/quiet.ts";
import type { Child } from "./child.ts";
import { argumentsOf, type Command } from "./command.ts";
import { launch } from "./launch.ts";
import type { ProcessOptions, StderrStdio, Stdio, Subprocess } from "./subprocess.ts";

/**
 * Starts a program and returns it with streams to talk to it: pipes for its standard input and output, unless asked otherwise. No shell is
 * involved, unless `shell: true` says so. Declare it with `await using`: leaving the block, by a cancellation too, ends the program and all
 * that it started in its process group (SIGTERM, and SIGKILL after `graceMs`), and waits for that.
 *
 * It runs in a session and a process group of its own: signals that a terminal sends (Ctrl-C) reach this process only, whose scopes then end it. If
 * this process ends by `process.exit` or an uncaught error, the child is sent SIGTERM, and nobody waits. If this process is
 * ended by a signal that it does not handle (`main` handles SIGINT and SIGTERM; SIGKILL nobody can), the child goes on: all that it sees is the end of its pipes.
 * Always a checkpoint.
 *
 * @throws SpawnError if it cannot be started: says what was not found, and where it was looked for.
 * @throws TypeError if the command is no array of strings.
 *
 * @example
 * ```ts
 * await using bc = await openProcess(["bc", "--quiet"]);
 * await bc.stdin.send(Buffer.from("6 * 7\n"));
 * console.log(String(await bc.stdout.receive()));
 * ```
 */
export function openProcess<In extends Stdio = "pipe", Out extends Stdio = "pipe", Err extends StderrStdio = "inherit">(
  command: Command,
  options: ProcessOptions<In, Out, Err> = {},
): Promise<Subprocess<In, Out, Err>> {
  return open("openProcess", command, options) as Promise<unknown> as Promise<Subprocess<In, Out, Err>>;
}

/**
 * Starts a program as `openProcess` does, calls `body` with it, and ends the program when the body has ended, in whatever way. Gives
 * what the body gives. To let the program come to its own end, `await child.wait()` in the body.
 *
 * @throws what `openProcess` throws, and what `body` throws.
 */
export function withProcess<
  T,
  In extends Stdio = "pipe",
  Out extends Stdio = "pipe",
  Err extends StderrStdio = "inherit",
>(
  command: Command,
  body: (child: Subprocess<In, Out, Err>) => Returned<T>,
  options: ProcessOptions<In, Out, Err> = {},
): Promise<T> {
  return quietly(async () =>
    inside(await open("withProcess", command, options), (child) =>
      callBody(body, child as unknown as Subprocess<In, Out, Err>),
    ),
  );
}

/** Calls `body`, and ends the child when that has ended. The error of the body is the one that is thrown. */
export async function inside<T>(child: Child, body: (child: Child) => T | Promise<T>): Promise<T> {
  let value: T;
  try {
    value = await body(child);
  } catch (error) {
    try {
      await child.close();
    } catch (later) {
      if (!(later instanceof Cancelled)) suppress(error, later);
    }
    throw error;
  }
  await child[Symbol.asyncDispose]();
  return value;
}

function open(where: string, command: Command, options: ProcessOptions): Promise<Child> {
  const bad = objectionToOptions(where, options);
  if (bad !== undefined) return Promise.reject(bad);
  const { cwd, env, shell, graceMs, stdin = "pipe", stdout = "pipe", stderr = "inherit" } = options;
  try {
    return launch({ command: argumentsOf(where, command, shell), cwd, env, graceMs, stdin, stdout, stderr });
  } catch (error) {
    return Promise.reject(error);
  }
}
