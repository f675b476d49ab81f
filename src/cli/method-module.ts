/**
 * A module whose exported functions are methods, loaded by Node itself, TypeScript included.
 */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { isCancelled } from "../kernel/errors.ts";
import { until } from "../kernel/until.ts";
import { type MethodTable, methodTable } from "../rpc/methods.ts";
import { FAILED, USAGE } from "./exit-codes.ts";
import { Failure, nameAndMessage } from "./failure.ts";

/**
 * The methods of the module at `path`. A checkpoint.
 *
 * @throws Failure if there is no such file, it does not load, or it exports no functions.
 */
export async function loadMethods(path: string): Promise<MethodTable> {
  await mustBeFile(path);
  const exported = await importModule(path);
  const table = tableOf(path, exported);
  if (table.size > 0) return table;
  const onlyDefault = "default" in exported ? " (a default export is no method: it has no name to call it by)" : "";
  throw new Failure(
    FAILED,
    `${path} exports no functions${onlyDefault}: export each method, as in "export function add(a: number, b: number) { return a + b; }"`,
  );
}

async function mustBeFile(path: string): Promise<void> {
  let isFile: boolean;
  try {
    isFile = (await stat(path)).isFile();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Failure(USAGE, code === "ENOENT" ? `no such file: ${path}` : `${path}: ${message}`, { cause: error });
  }
  if (!isFile) throw new Failure(USAGE, `${path} is not a file: expected a module, .ts or .js`);
}

async function importModule(path: string): Promise<{ readonly [name: string]: unknown }> {
  const stuck = Promise.withResolvers<never>();
  // The event loop has run dry, and the module has not loaded: it never will.
  const tellStuck = (): void =>
    stuck.reject(
      new Failure(FAILED, `${path} did not load: its top-level await waits for something that never happens`),
    );
  process.once("beforeExit", tellStuck);
  try {
    return await until(Promise.race([import(pathToFileURL(resolve(path)).href), stuck.promise]));
  } catch (error) {
    if (isCancelled(error) || error instanceof Failure) throw error;
    throw new Failure(FAILED, `${path} did not load: ${nameAndMessage(error)}${placeOf(error, path)}`, {
      cause: error,
    });
  } finally {
    process.removeListener("beforeExit", tellStuck);
  }
}

function tableOf(path: string, exported: { readonly [name: string]: unknown }): MethodTable {
  try {
    return methodTable(exported);
  } catch (error) {
    throw new Failure(FAILED, `${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Where an error comes from, if its stack says so: ` (methods.ts:3)`. */
function placeOf(error: unknown, path: string): string {
  if (!(error instanceof Error)) return "";
  const match = /(?:^|file:\/\/)\/(?:[^\n()]*\/)?([^\n()/:]+):([0-9]+)/m.exec(error.stack ?? "");
  if (match !== null) return ` (${decodeURI(match[1] as string)}:${match[2]})`;
  return error instanceof SyntaxError ? ` (node --check ${path} shows where)` : "";
}
