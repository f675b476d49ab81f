/** The rows of the table in `waits.ts` about processes: what the system would tell is told by the test. */
import { EventEmitter } from "node:events";
import { Readable, type Writable } from "node:stream";
import { openSignals } from "coppice/process";
import { Child } from "../../src/process/child.ts";
import { StandardInput } from "../../src/process/standard-input.ts";
import { StandardOutput } from "../../src/process/standard-output.ts";
import type { Wait } from "./wait.ts";

/** A stream of Node's that is full, until it is told that it is not. */
class FullOutput extends EventEmitter {
  writableNeedDrain = true;
  writableLength = 1;
  readonly destroyed = false;
  written = 0;
  #flushed: (() => void)[] = [];

  write(bytes: Uint8Array | string, flushed?: () => void): void {
    if (bytes.length > 0) this.written++;
    if (flushed !== undefined) this.#flushed.push(flushed);
  }

  flush(): void {
    this.writableNeedDrain = false;
    this.writableLength = 0;
    this.emit("drain");
    for (const flushed of this.#flushed.splice(0)) flushed();
  }
}

function fullOutput(): { full: FullOutput; output: StandardOutput } {
  const full = new FullOutput();
  return { full, output: new StandardOutput("an output", () => full as EventEmitter as Writable) };
}

export const processWaits: readonly Wait[] = [
  {
    name: "child.wait",
    open: () => {
      const child = new Child(["sleep"], 0, {});
      const status = { code: 3, signal: undefined };
      return { wait: () => child.wait(), wake: () => child.hasExited(status), value: status, end: () => {} };
    },
  },
  {
    name: "signals.receive",
    open: () => {
      const signals = openSignals(["SIGALRM"]);
      return {
        wait: () => signals.receive(),
        wake: () => process.emit("SIGALRM", "SIGALRM"),
        value: "SIGALRM",
        end: () => signals.close(),
      };
    },
  },
  {
    name: "stdin.receive",
    open: () => {
      const input = new Readable({ read: () => {} });
      const stdin = new StandardInput(() => input);
      const bytes = Buffer.from("abc");
      return { wait: () => stdin.receive(), wake: () => input.push(bytes), value: bytes, end: () => stdin.abort() };
    },
  },
  {
    name: "stdin.receiveLine",
    open: () => {
      const input = new Readable({ read: () => {} });
      const stdin = new StandardInput(() => input);
      return {
        wait: () => stdin.receiveLine(10),
        wake: () => input.push("line\n"),
        value: "line",
        end: () => stdin.abort(),
      };
    },
  },
  {
    name: "stdout.send while it is full",
    open: () => {
      const { full, output } = fullOutput();
      return {
        wait: () => output.send(Uint8Array.of(1)),
        wake: () => full.flush(),
        value: undefined,
        effects: () => full.written,
        end: () => output.abort(),
      };
    },
  },
  {
    name: "stdout.close while it flushes",
    open: () => {
      const { full, output } = fullOutput();
      return { wait: () => output.close(), wake: () => full.flush(), value: undefined, end: () => {} };
    },
  },
];
