/** Modules to serve, and the `coppice` command, for the tests of the command line. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type End, type Program, startFile } from "../support/program.ts";

export function startCoppice(...args: string[]): Program {
  return startFile("src/cli/main.ts", args);
}

/** Runs `coppice` to its end. */
export function coppice(...args: string[]): Promise<End> {
  return startCoppice(...args).ended;
}

export interface Serving extends AsyncDisposable {
  readonly url: string;
  readonly program: Program;
}

/** Serves a module with this source on a free port. */
export async function serving(source: string, ...options: string[]): Promise<Serving> {
  const file = await moduleFile(source);
  const program = startCoppice("serve", file.path, "--listen", "tcp://127.0.0.1:0", ...options);
  const dispose = async (): Promise<void> => {
    await program[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
  };
  try {
    const [, url = ""] = await program.prints(/listening on (\S+),.*\n/);
    return { url, program, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A file of its own folder, with this text. */
export async function moduleFile(
  text: string,
  name = "methods.ts",
): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "coppice-"));
  const path = join(folder, name);
  await writeFile(path, text);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
