/** What is given as a program and its arguments, wherever one is started: the message says which part is none, as the rest may be long. */
import { describe } from "./check-function.ts";

const WANTED = "expected an array of strings, the file and its arguments";

/** What is wrong with `command`, or `undefined`. */
export function objectionToCommand(where: string, command: unknown): TypeError | undefined {
  if (!Array.isArray(command)) return new TypeError(`${where}: ${WANTED}, got ${describe(command)}`);
  if (command.length === 0) return new TypeError(`${where}: ${WANTED}, got an empty Array`);
  const index = command.findIndex((part) => typeof part !== "string");
  if (index < 0) return undefined;
  return new TypeError(`${where}: ${WANTED}, got ${describe(command[index])} at index ${index}`);
}
