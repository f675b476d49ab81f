/** The three standard streams of this process. */
import process from "node:process";
import { checkOptions, describe } from "../kernel/check-function.ts";
import type { ReceiveStream, SendStream } from "../streams/byte-stream.ts";
import { ChunkIterator } from "../streams/chunk-iterator.ts";
import { standardInput } from "./standard-input.ts";
import { StandardOutput } from "./standard-output.ts";

/**
 * Standard input. Read only while a task waits for it, so it does not keep the process alive, and a child that inherits it finds what nobody has
 * read here. Closing it closes it for this program's tasks only.
 */
export const stdin: ReceiveStream = standardInput;

/**
 * Standard output, with backpressure. A reader that has gone away is a `BrokenError` of the next `send`. Shared with `console.log`. Closing
 * it flushes it, and closes it for this program's tasks only.
 */
export const stdout: SendStream = new StandardOutput("standard output", () => process.stdout);

/** Standard error, as `stdout`. */
export const stderr: SendStream = new StandardOutput("standard error", () => process.stderr);

/** What `stdinLines` accepts. */
export interface StdinLinesOptions {
  /** The longest line that is accepted, without its end; by default 1 MiB. */
  readonly maxLineBytes?: number;
}

const MAX_LINE_BYTES = 1024 * 1024;

/**
 * The lines of standard input, without their ends (`\n` or `\r\n`), as they come; the last one may lack its end. Bytes that are no UTF-8 become
 * U+FFFD. Leaving the loop closes nothing and loses nothing: the next one goes on with the next line, and a process that has nothing
 * else to do ends, though more could come. Every step is a checkpoint.
 *
 * @throws FrameError if a line is longer than `maxLineBytes`; its bytes can still be received.
 * @throws BusyError if another task is receiving from standard input.
 * @throws BrokenError if it cannot be read.
 *
 * @example
 * ```ts
 * for await (const line of stdinLines()) console.log(line.toUpperCase());
 * ```
 */
export function stdinLines(options: StdinLinesOptions = {}): AsyncIterable<string, undefined> {
  checkOptions("stdinLines", options);
  const maxLineBytes = checkedLineLimit(options.maxLineBytes);
  const source = { receive: () => standardInput.receiveLine(maxLineBytes) };
  return { [Symbol.asyncIterator]: () => new ChunkIterator<string>(source) };
}

/** @throws RangeError if it is none. */
export function checkedLineLimit(maxLineBytes: number = MAX_LINE_BYTES): number {
  if (Number.isInteger(maxLineBytes) && maxLineBytes >= 1) return maxLineBytes;
  throw new RangeError(`maxLineBytes: expected a whole number of at least 1, got ${describe(maxLineBytes)}`);
}
