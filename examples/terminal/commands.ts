/**
 * Commands, a line each: a word and its arguments.
 *
 * `eval FIRST; SECOND` carries out several, one after the other; `quit` ends. Empty lines, and those that begin with #, say nothing.
 */

/** What a command does with its arguments. An error that it throws is shown to whoever gave the command, and the next one is read. */
export type Command = (args: readonly string[]) => unknown;

/** A command that was not understood. */
export class CommandError extends Error {}

const QUIT = Symbol("quit");

/** Carries out the commands of `lines`, until they end or say `quit`. Returns whether it was `quit`. */
export async function obey(
  lines: AsyncIterable<string>,
  commands: Readonly<Record<string, Command>>,
  complain: (problem: string) => void,
): Promise<boolean> {
  for await (const line of lines) {
    try {
      if ((await carryOut(line, commands)) === QUIT) return true;
    } catch (error) {
      if (!(error instanceof CommandError || error instanceof RangeError)) throw error;
      complain(error.message);
    }
  }
  return false;
}

async function carryOut(line: string, commands: Readonly<Record<string, Command>>): Promise<unknown> {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return undefined;
  const [word = "", ...args] = text.split(/\s+/);
  if (word === "quit") return QUIT;
  if (word === "eval") {
    for (const part of text.slice(word.length).split(";")) {
      if ((await carryOut(part, commands)) === QUIT) return QUIT;
    }
    return undefined;
  }
  const command = Object.hasOwn(commands, word) ? commands[word] : undefined;
  if (command === undefined) {
    throw new CommandError(
      `no command is called ${word}: there are ${[...Object.keys(commands), "eval", "quit"].join(", ")}`,
    );
  }
  return command(args);
}

/** A number of seconds among the arguments, in milliseconds. @throws CommandError if it is none. */
export function millisecondsOf(seconds: string | undefined): number {
  const ms = Number(seconds) * 1_000;
  if (seconds === undefined || !(ms >= 0 && ms < Infinity)) {
    throw new CommandError(`expected a number of seconds, got ${seconds ?? "nothing"}`);
  }
  return ms;
}
