/** The three standard streams of this process. */
import process from "node:process";
import { checkOptions, describe } from "../kernel/check-function.ts";
import { isCancelled } from "../kernel/errors.ts";
import { markHandled } from "../kernel/quiet.ts";
import type { ReceiveStream, SendStream } from "../streams/byte-stream.ts";
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
  return { [Symbol.asyncIterator]: () => new LineIterator(maxLineBytes) };
}

/** @throws RangeError if it is none. */
export function checkedLineLimit(maxLineBytes: number = MAX_LINE_BYTES): number {
  if (Number.isInteger(maxLineBytes) && maxLineBytes >= 1) return maxLineBytes;
  throw new RangeError(`maxLineBytes: expected a whole number of at least 1, got ${describe(maxLineBytes)}`);
}

type Step = IteratorResult<string, undefined>;

class LineIterator implements AsyncIterator<string, undefined> {
  readonly #maxLineBytes: number;
  #isOver = false;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  next(): Promise<Step> {
    if (this.#isOver) return Promise.resolve(over());
    const promise: Promise<Step> = standardInput.receiveLine(this.#maxLineBytes).then(
      (value) => {
        if (value !== undefined) return { value, done: false };
        this.#isOver = true;
        return over();
      },
      (error: unknown) => {
        if (isCancelled(error)) markHandled(promise);
        throw error;
      },
    );
    return promise;
  }

  return(): Promise<Step> {
    this.#isOver = true;
    return Promise.resolve(over());
  }
}

function over(): { value: undefined; done: true } {
  return { value: undefined, done: true };
}
