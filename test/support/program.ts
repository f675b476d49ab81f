/** A program under test: a child process, its output, and its end. */
import assert from "node:assert/strict";
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { eventually } from "./real.ts";

export const ROOT: string = resolve(import.meta.dirname, "../..");

/** What a process ended with: an exit code, or the signal that killed it. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Program {
  readonly child: ChildProcess;
  readonly #isGroup: boolean;
  /** Settles when the process has ended and all its output has come. */
  readonly ended: Promise<End>;
  stdout = "";
  stderr = "";

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.#isGroup = options.detached === true;
    this.child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], ...options });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolveEnd, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (code, signal) => {
        resolveEnd({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Waits until standard output matches, and gives the match. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    let match = pattern.exec(this.stdout);
    let hasEnded = false;
    void this.ended.then(() => {
      hasEnded = true;
    });
    await eventually(
      () => {
        match = pattern.exec(this.stdout);
        return match !== null || hasEnded;
      },
      () => `expected ${pattern} in: ${this.stdout}${this.stderr}`,
      20_000,
    );
    assert.ok(match, `ended without ${pattern}: ${this.stdout}${this.stderr}`);
    return match;
  }

  /** As Ctrl-C does, unless another signal is asked for; then waits for the end. */
  async interrupt(signal: NodeJS.Signals = "SIGINT"): Promise<End> {
    this.signal(signal);
    return await this.ended;
  }

  /** Sends a signal as a terminal does: to the whole group, if the program was started as one (`detached`). */
  signal(signal: NodeJS.Signals): void {
    const { exitCode, pid, signalCode } = this.child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    if (this.#isGroup) process.kill(-pid, signal);
    else this.child.kill(signal);
  }

  /** For the end of a test that failed halfway. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }
}

/** Runs a TypeScript file of the repository. */
export function startFile(path: string, args: readonly string[] = [], options: SpawnOptions = {}): Program {
  return new Program(process.execPath, ["--conditions=coppice-source", join(ROOT, path), ...args], options);
}

/** Runs `source`, an ES module, in a process of its own and waits for its end; one that goes on for `timeout` ms is killed. */
export function runProgram(source: string, timeout = 5_000): Promise<End> {
  const args = ["--conditions=coppice-source", "--input-type=module", "--eval", source];
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  return new Program(process.execPath, args, { env, timeout }).ended;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}
