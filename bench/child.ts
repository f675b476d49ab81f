/**
 * Child processes of the benchmarks: each one pinned to a core where that is
 * possible, bounded in time, and killed on every path out of this process.
 *
 * A child ends by itself when the channel to its parent closes, so even a
 * parent that was killed leaves nothing behind.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

const live = new Set<ChildProcess>();

process.on("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(130));
}

export const canPin: boolean = existsSync("/usr/bin/taskset") && availableParallelism() >= 2;

/** Sees to it that a process is killed on every path out of this one. */
export function endWithUs(child: ChildProcess): void {
  live.add(child);
  child.once("exit", () => live.delete(child));
}

/** The command that runs `command` on one core, where that can be. */
export function pinnedCommand(command: readonly string[], core: number | undefined): readonly string[] {
  return canPin && core !== undefined ? ["/usr/bin/taskset", "-c", String(core), ...command] : command;
}

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly nodeFlags?: readonly string[];
  /** The core to pin to, where there are at least two and `taskset` exists. */
  readonly core?: number;
}

/** A child process that answers each `request` with one message. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #inbox: unknown[] = [];
  #waiting: PromiseWithResolvers<unknown> | undefined;
  #end: Error | undefined;

  constructor(script: URL, options: ChildOptions = {}) {
    const node = [...process.execArgv, ...(options.nodeFlags ?? []), fileURLToPath(script), ...(options.args ?? [])];
    const [file, ...args] = pinnedCommand([process.execPath, ...node], options.core) as [string, ...string[]];
    this.#process = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    endWithUs(this.#process);
    this.#process.on("message", (message) => {
      if (this.#waiting === undefined) this.#inbox.push(message);
      else this.#waiting.resolve(message);
      this.#waiting = undefined;
    });
    this.#process.on("error", (error) => this.#fail(error));
    this.#process.on("exit", (code, signal) => {
      this.#fail(new Error(`${script.pathname} ended early with ${signal ?? code}`));
    });
  }

  /** The next message of the child. */
  async next(timeoutMs = 60_000): Promise<unknown> {
    if (this.#inbox.length > 0) return this.#inbox.shift();
    if (this.#end !== undefined) throw this.#end;
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    const timer = setTimeout(() => this.#fail(new Error(`a child said nothing for ${timeoutMs} ms`)), timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async request(message: string): Promise<unknown> {
    this.#process.send(message);
    return await this.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!live.has(this.#process)) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  #fail(error: Error): void {
    this.#end ??= error;
    this.#waiting?.reject(this.#end);
    this.#waiting = undefined;
  }
}

function killAll(): void {
  for (const child of live) child.kill("SIGKILL");
}
