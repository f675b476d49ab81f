/** A question on the terminal, and the answer. */
import process from "node:process";
import { describe } from "../kernel/check-function.ts";
import { quietly } from "../kernel/quiet.ts";
import { withRawMode } from "./raw-mode.ts";
import { standardInput } from "./standard-input.ts";
import { checkedLineLimit, stderr, stdout } from "./standard-streams.ts";

/** How a question is asked. */
export interface PromptOptions {
  /** Whether the answer is shown while it is typed; by default it is. For passwords, false. */
  readonly echo?: boolean;
}

const BACKSPACE = 0x08;
const DELETE = 0x7f;
const CTRL_C = 0x03;
const CTRL_D = 0x04;
const CTRL_U = 0x15;
const CTRL_Z = 0x1a;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * Writes `question`, waits for a line on standard input, and gives it without its end; `undefined` at the end of the file. Always a checkpoint; cancelled,
 * what was typed of a line that is not complete stays with the terminal, or, if it was not shown, is dropped.
 *
 * The question goes to standard output, or, where that is no terminal, to standard error, so that it does not get into what is piped on. Without
 * a terminal on standard input, the next line of that is the answer.
 *
 * @throws BusyError if another task is receiving from standard input.
 */
export function prompt(question: string, options: PromptOptions = {}): Promise<string | undefined> {
  return quietly(async () => {
    if (typeof question !== "string") throw new TypeError(`prompt: expected a question, got ${describe(question)}`);
    const isOnOutput = process.stdout.isTTY;
    const screen = isOnOutput ? stdout : stderr;
    await screen.send(Buffer.from(question));
    if (options.echo !== false || !process.stdin.isTTY) return standardInput.receiveLine(checkedLineLimit());
    try {
      return await withRawMode(typedUnseen);
    } finally {
      // The key that ended the line was not shown either.
      process[isOnOutput ? "stdout" : "stderr"].write("\n");
    }
  });
}

/** With the few keys that a terminal sees to when it is not raw. A byte at a time, so that what follows the line is left for who reads next. */
async function typedUnseen(): Promise<string | undefined> {
  const typed: number[] = [];
  for (;;) {
    const key = (await standardInput.receive(1))?.[0];
    if (key === CARRIAGE_RETURN || key === LINE_FEED) break;
    if (key === undefined || (key === CTRL_D && typed.length === 0)) {
      if (typed.length === 0) return undefined;
      break;
    }
    if (key === CTRL_C) process.kill(process.pid, "SIGINT");
    else if (key === CTRL_Z) process.kill(process.pid, "SIGTSTP");
    else if (key === CTRL_U) typed.length = 0;
    else if (key === DELETE || key === BACKSPACE) removeCharacter(typed);
    else if (key >= SPACE) typed.push(key);
  }
  return Buffer.from(typed).toString("utf8");
}

/** The last one, which may be several bytes of UTF-8. */
function removeCharacter(typed: number[]): void {
  for (let last = typed.pop(); last !== undefined && (last & 0xc0) === 0x80; last = typed.pop());
}
