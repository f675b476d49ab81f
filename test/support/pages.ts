/**
 * The programs that pages of documentation show, and what the pages say that they print.
 *
 * A fence in `ts` is a whole program. The fence in `text` that follows it, if one does before the next program, is its standard output; a
 * program without one prints nothing to standard error and ends well. After `ts debug` it is the standard error of a run in debug mode.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type End, Program, ROOT } from "./program.ts";

/** The contents of the fences in `language`, in order. */
export function blocksOf(page: string, language: string): string[] {
  return fencesOf(page)
    .filter(({ info }) => info === language)
    .map(({ code }) => code);
}

export interface PageProgram {
  /** `networking-03.ts` is the third of its page. */
  readonly file: string;
  readonly code: string;
  readonly isDebug: boolean;
  /** What the page says that it prints. */
  readonly output: string | undefined;
}

/** The programs of `docs/NAME.md`, in order. */
export function programsOf(name: string): PageProgram[] {
  const page = readFileSync(join(ROOT, `docs/${name}.md`), "utf8");
  const programs: PageProgram[] = [];
  for (const { info, code } of fencesOf(page)) {
    const last = programs.at(-1);
    if (info === "ts" || info === "ts debug") {
      const file = `${name}-${String(programs.length + 1).padStart(2, "0")}.ts`;
      programs.push({ file, code, isDebug: info === "ts debug", output: undefined });
    } else if (info === "text" && last !== undefined && last.output === undefined) {
      programs[programs.length - 1] = { ...last, output: code };
    }
  }
  return programs;
}

function fencesOf(page: string): { info: string; code: string }[] {
  return [...page.matchAll(/^```([^\n`]+)\n(.*?)^```$/gms)].map(([, info = "", code = ""]) => ({ info, code }));
}

/** Runs Node.js with the sources of the library, and waits for the end. */
export function runNode(args: readonly string[], cwd: string = ROOT, env: NodeJS.ProcessEnv = {}): Promise<End> {
  const conditions = process.execArgv.filter((option) => option.startsWith("--conditions"));
  const surroundings = { ...process.env, NODE_TEST_CONTEXT: undefined, COPPICE_DEBUG: undefined, ...env };
  return new Program(process.execPath, [...conditions, ...args], { cwd, env: surroundings, timeout: 20_000 }).ended;
}

/** A folder as a user of the package has it: programs of pages, the package installed, and the certificates that the pages name. */
export class PageFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), "coppice-page-"));

  constructor(programs: readonly PageProgram[]) {
    mkdirSync(join(this.path, "node_modules"));
    symlinkSync(ROOT, join(this.path, "node_modules/coppice"));
    symlinkSync(join(ROOT, "node_modules/@types"), join(this.path, "node_modules/@types"));
    this.#write("package.json", JSON.stringify({ type: "module" }));
    const compilerOptions = { rootDir: "/" };
    this.#write(
      "tsconfig.json",
      JSON.stringify({ extends: join(ROOT, "tsconfig.json"), compilerOptions, include: ["*.ts"] }),
    );
    const certificates = join(ROOT, "test/tls/certificates");
    for (const name of readdirSync(certificates).filter((each) => each.endsWith(".pem"))) {
      this.#write(name, readFileSync(join(certificates, name), "utf8"));
    }
    for (const { file, code } of programs) this.#write(file, code);
  }

  run({ file, isDebug }: PageProgram): Promise<End> {
    return runNode([file], this.path, isDebug ? { COPPICE_DEBUG: "1" } : {});
  }

  /** What the compiler has against the programs; what it has against the library is not for here. */
  async compile(): Promise<string> {
    const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
    const { stdout, stderr } = await runNode([compiler, "--paths", "null"], this.path);
    return stdout.replaceAll(/^\.\..*\n(?: .*\n)*/gm, "") + stderr;
  }

  /** As a page writes it: in the folder of a service, and without what differs from run to run or says nothing: the process, times, the number of the program, the place in a line. */
  normalized(text: string): string {
    return text
      .replaceAll(`${this.path}/`, "/srv/app/")
      .replaceAll(/\/srv\/app\/[\w-]+\.ts/g, "/srv/app/program.ts")
      .replaceAll(/\(node:\d+\)/g, "(node:1)")
      .replaceAll(/for \d+ ms/g, "for 500 ms")
      .replaceAll(/(\.ts:\d+):\d+/g, "$1:3")
      .replace(/^\(Use `node --trace-warnings .*\n/m, "");
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }

  #write(name: string, content: string): void {
    writeFileSync(join(this.path, name), content);
  }
}
