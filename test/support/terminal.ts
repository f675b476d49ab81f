/** A program in a terminal of its own, through `pty.py`. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "./program.ts";
import { eventually } from "./real.ts";

/** How a terminal is set: it gives lines (not keys), and it shows what is typed. */
export interface Modes {
  readonly canonical: boolean;
  readonly echo: boolean;
}

export const COOKED: Modes = { canonical: true, echo: true };
export const RAW: Modes = { canonical: false, echo: false };

interface Ended {
  readonly code: number | null;
  readonly signal: number | null;
}

interface Report {
  readonly output?: string;
  readonly stopped?: number;
  readonly ended?: Ended;
  readonly modes?: Modes | null;
}

export class Terminal {
  output = "";
  readonly #driver: ChildProcess;
  readonly #reports: Report[] = [];
  readonly #closed: Promise<void>;

  /** Runs a TypeScript file of the repository in it. */
  constructor(file: string, args: readonly string[]) {
    const program = [process.execPath, "--conditions=coppice-source", join(ROOT, file), ...args];
    this.#driver = spawn("python3", [join(ROOT, "test/support/pty.py"), ...program], {
      cwd: ROOT,
      stdio: ["pipe", "pipe", "inherit"],
    });
    assert.ok(this.#driver.stdout);
    createInterface({ input: this.#driver.stdout }).on("line", (line) => {
      const report = JSON.parse(line) as Report;
      if (report.output === undefined) this.#reports.push(report);
      else this.output += report.output;
    });
    this.#closed = new Promise((resolve) => {
      this.#driver.on("close", () => resolve());
    });
  }

  type(text: string): void {
    this.#tell({ send: text });
  }

  signal(name: NodeJS.Signals): void {
    this.#tell({ signal: constants.signals[name] });
  }

  /** Takes the terminal away, as when its window is closed. */
  hangUp(): void {
    this.#tell({ hangup: true });
  }

  async modes(): Promise<Modes> {
    const { length } = this.#reports;
    this.#tell({ modes: true });
    return (await this.#next(length, (report) => report.modes)) as Modes;
  }

  /** Waits until the terminal shows what matches. */
  async shows(pattern: RegExp): Promise<void> {
    await eventually(
      () => pattern.test(this.output),
      () => `expected ${pattern} in: ${JSON.stringify(this.output)}`,
    );
  }

  async stopped(): Promise<void> {
    await this.#next(0, (report) => report.stopped);
  }

  /** Waits for the end of the program: its exit code or signal, and how it left the terminal. */
  async ended(): Promise<{ code: number | null; signal: string | undefined; modes: Modes | null }> {
    const ended = (await this.#next(0, (report) => report.ended)) as Ended;
    const { modes } = this.#reports.find((report) => report.ended !== undefined) as Required<Report>;
    const [signal] = Object.entries(constants.signals).find(([, number]) => number === ended.signal) ?? [];
    return { code: ended.code, signal, modes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#driver.stdin?.end();
    await this.#closed;
  }

  #tell(command: object): void {
    this.#driver.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  async #next<T>(from: number, pick: (report: Report) => T | undefined): Promise<T> {
    let found: T | undefined;
    await eventually(
      () => {
        found = this.#reports
          .slice(from)
          .map(pick)
          .find((picked) => picked !== undefined);
        return found !== undefined;
      },
      () => `no report of the terminal: ${JSON.stringify([this.#reports, this.output])}`,
    );
    return found as T;
  }
}
