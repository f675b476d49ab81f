/**
 * What to run: a file and its arguments, which go to the program as they are; or a line for the shell, if that is asked for in so many words.
 *
 * Rejected: a single string that is split at blanks, which is wrong as soon as a file name has one.
 */
import { objectionToCommand } from "../kernel/check-command.ts";
import { describe } from "../kernel/check-function.ts";

/** The file and its arguments. With `shell: true`, one line for `/bin/sh`. */
export type Command = readonly [file: string, ...args: string[]] | string;

const MAX_PRINTED = 200;

/**
 * The file and the arguments that stand for `command`.
 *
 * @throws TypeError if it is none, or a string without `shell: true`.
 */
export function argumentsOf(where: string, command: Command, shell: boolean | undefined): readonly string[] {
  if (typeof command === "string") {
    if (shell === true) return ["/bin/sh", "-c", command];
    throw new TypeError(
      `${where}: expected an array of the file and its arguments, got ${describe(command)}: ` +
        "for a line of the shell, with its risks, say shell: true",
    );
  }
  if (shell === true) throw new TypeError(`${where}: with shell: true the command is one string, a line of the shell`);
  const bad = objectionToCommand(where, command);
  if (bad !== undefined) throw bad;
  if (command[0] === "") throw new TypeError(`${where}: the file to run has no name`);
  return command;
}

/** A command as people read it; a long one is cut. */
export function printedCommand(command: readonly string[]): string {
  const text = command.map((part) => (/^[\w./:=@%+,|-]+$/.test(part) ? part : JSON.stringify(part))).join(" ");
  return text.length <= MAX_PRINTED ? text : `${text.slice(0, MAX_PRINTED)}...`;
}
