/**
 * Why a file cannot be run. The system says ENOENT for a missing file, a missing working directory and a missing interpreter alike; here it
 * is found out which one it was, and where it was looked for.
 */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import process from "node:process";
import { printedCommand } from "./command.ts";
import { SpawnError } from "./errors.ts";

/** Where a program is looked for, and would run. */
export interface Surroundings {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The system's error as a `SpawnError`; others, which name invalid arguments, unchanged. */
export function spawnFailed(command: readonly string[], where: Surroundings, cause: unknown): unknown {
  if (!(cause instanceof Error) || !("syscall" in cause) || !("code" in cause)) return cause;
  const code = String(cause.code);
  const why = `${explain(code, command[0] ?? "", where) ?? cause.message} (${code})`;
  return new SpawnError(`start ${printedCommand(command)}: ${why}`, { cause: Object.assign(cause, { code }) });
}

/** For a command that something else starts for us: what the system would say of it, or `undefined` if nothing seems wrong. */
export function objectionTo(command: readonly string[], where: Surroundings): unknown {
  const [file = ""] = command;
  const code = isThere(file, where);
  if (code === undefined) return undefined;
  return spawnFailed(command, where, systemError(code, file));
}

function explain(code: string, file: string, where: Surroundings): string | undefined {
  switch (code) {
    case "ENOENT":
      return explainMissing(file, where);
    case "EACCES":
      return `no permission to run ${placeOf(file, where)}: is it a file, and executable?`;
    case "E2BIG":
      return "its arguments and environment are too long: pass them by standard input, or in a file";
    case "EMFILE":
      return "this process has no file descriptor left: close some, or raise `ulimit -n`";
    case "EAGAIN":
      return "no more processes are allowed: end some, or raise `ulimit -u`";
    default:
      return undefined;
  }
}

function explainMissing(file: string, where: Surroundings): string {
  const { cwd } = where;
  if (cwd !== undefined && !isDirectory(cwd)) return `its working directory ${cwd} is not there`;
  if (!file.includes("/")) {
    const path = pathOf(where);
    return path === undefined ? "not found, and PATH is not set" : `not found in PATH (${path})`;
  }
  const place = placeOf(file, where);
  const interpreter = interpreterOf(place);
  return interpreter === undefined ? `there is no file ${place}` : `its interpreter ${interpreter} is not there`;
}

/** The code of what the system would say. */
function isThere(file: string, where: Surroundings): string | undefined {
  if (where.cwd !== undefined && !isDirectory(where.cwd)) return "ENOENT";
  const places = file.includes("/")
    ? [placeOf(file, where)]
    : (pathOf(where) ?? "").split(delimiter).map((directory) => resolve(where.cwd ?? "", directory, file));
  let code = "ENOENT";
  for (const place of places) {
    if (!isFile(place)) continue;
    try {
      accessSync(place, constants.X_OK);
      return undefined;
    } catch {
      code = "EACCES";
    }
  }
  return code;
}

function pathOf({ env }: Surroundings): string | undefined {
  return (env ?? process.env).PATH;
}

function placeOf(file: string, { cwd }: Surroundings): string {
  return file.includes("/") ? resolve(cwd ?? "", file) : file;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

/** What a script names in its first line. */
function interpreterOf(path: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const start = Buffer.alloc(256);
    const length = readSync(descriptor, start);
    return /^#!\s*(\S+)/.exec(start.toString("latin1", 0, length))?.[1] ?? "(the loader that its format asks for)";
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function systemError(code: string, file: string): Error {
  return Object.assign(new Error(`spawn ${file} ${code}`), { code, syscall: "spawn", path: file });
}
