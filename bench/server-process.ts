/**
 * A server under measurement, in whatever language: it prints its port on the first line. Its CPU time is read from the system.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { endWithUs, pinnedCommand } from "./child.ts";

/** Clock ticks a second, in which the system counts CPU time. */
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: ChildProcess, lines: AsyncIterator<string>, port: number) {
    this.#process = process;
    this.#lines = lines;
    this.port = port;
  }

  static async start(command: readonly string[], core: number): Promise<ServerProcess> {
    const [file, ...args] = pinnedCommand(command, core) as [string, ...string[]];
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    endWithUs(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command.join(" ")} ended early`);
    return new ServerProcess(child, lines, Number(value));
  }

  /** User and system time of the process so far. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#process.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
  }

  /** Bytes of memory that the system has given to the process. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  }

  /** Bytes of JavaScript's heap in use, garbage not counted; `undefined` for a server that has none. Needs `--expose-gc`. */
  async heapBytes(): Promise<number | undefined> {
    if (!this.#process.spawnargs.includes("--expose-gc")) return undefined;
    this.#process.kill("SIGUSR2");
    return Number((await this.#lines.next()).value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }
}
