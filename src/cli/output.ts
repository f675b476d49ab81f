/**
 * Where the program writes: results on standard output, everything else on standard error.
 */
import process from "node:process";
import { inspect } from "node:util";
import { describeFailure } from "./failure.ts";

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function complain(line: string): void {
  process.stderr.write(`coppice: ${line}\n`);
}

/** Says what failed, with the stack if asked for, and sets the exit code. */
export function reportFailure(error: unknown, withStack: boolean): void {
  const { line, exitCode } = describeFailure(error);
  complain(line);
  if (withStack) process.stderr.write(`${inspect(error)}\n`);
  process.exitCode = exitCode;
}

/** A reader that has seen enough (`coppice ... | head -1`) ends the program without a word. */
export function endQuietlyWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit();
      throw error;
    });
  }
}

/** Settles when what was printed has left. */
export async function outputFlushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => {
      stream.write("", () => resolve());
    });
  }
}
