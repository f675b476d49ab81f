/**
 * Checks that imports in src/ point down only.
 *
 * The table below is the architecture. A folder imports from itself and from the rows under its own, never from a row
 * above and never from a neighbour on its row; type-only imports count like any other, and no chain of imports comes back
 * to where it began. `loops/` stands beside the table: it implements what the kernel asks for, so it sees the kernel
 * and the system calls in `posix/`, and only the entries wire it in. Which folders may touch Node.js itself and which package each may use is
 * written here too, because that decides where the library can run and what it pulls in.
 *
 * The reader of import statements is a pair of regular expressions. It relies on what the formatter, which the gate runs
 * first, guarantees: statements begin in the first column, and module names stand between double quotes.
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

/** Top to bottom. `entries` are the files directly in src/. */
const rows: readonly (readonly string[])[] = [
  ["entries", "cli"],
  ["simulation", "inspect"],
  ["testing"],
  ["rpc", "http", "executors"],
  ["process", "net", "selector"],
  ["streams", "protocols"],
  ["sync", "channels", "combinators", "coroutines", "futures", "edges", "tls"],
  ["kernel"],
  ["posix"],
];

/** Folders that may import any `node:` module. */
const nodeFolders: ReadonlySet<string> = new Set([
  "loops",
  "posix",
  "tls",
  "process",
  "selector",
  "executors",
  "http",
  "testing",
  "inspect",
  "cli",
]);

/** The one `node:` module that a single file of another folder may import. */
const nodeExceptions: ReadonlyMap<string, string> = new Map([
  ["src/kernel/ambient.ts", "node:async_hooks"],
  ["src/streams/framing/length-prefixed.ts", "node:buffer"],
]);

/** Packages that a folder may import. */
const packages: ReadonlyMap<string, readonly string[]> = new Map([
  ["cli", ["commander"]],
  ["executors", ["piscina", "@nats-io/transport-node", "@nats-io/jetstream", "@nats-io/kv"]],
  ["http", ["ws", "@hono/node-server"]],
  ["inspect", ["@opentelemetry/api"]],
  ["rpc", ["@standard-schema/spec"]],
  ["posix", ["koffi"]],
]);

interface Import {
  readonly specifier: string;
  readonly line: number;
}

const root = resolve(import.meta.dirname, "..");
const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => posix(relative(root, join(entry.parentPath, entry.name))))
  .sort();

const problems: string[] = [];
const graph = new Map<string, string[]>();

for (const file of files) {
  const targets: string[] = [];
  graph.set(file, targets);
  const folder = folderOf(file);
  if (folder !== "loops" && rowOf(folder) === -1) {
    problems.push(`${file}: src/${folder}/ is in no row. Give it one in tools/check-layers.ts.`);
    continue;
  }
  for (const { specifier, line } of importsOf(readFileSync(join(root, file), "utf8"))) {
    const target = specifier.startsWith(".") ? posix(join(dirname(file), specifier)) : undefined;
    if (target !== undefined && files.includes(target)) targets.push(target);
    const objection = target === undefined ? objectToBare(file, specifier) : objectToRelative(file, target);
    if (objection !== undefined) problems.push(`${file}:${line}: "${specifier}": ${objection}`);
  }
}
problems.push(...cyclesOf(graph).map((cycle) => `import cycle: ${cycle.join(" -> ")}`));

for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`layers: ${files.length} files, ${problems.length} problems\n`);
process.exitCode = problems.length === 0 ? 0 : 1;

function objectToRelative(file: string, target: string): string | undefined {
  if (!files.includes(target)) return "no such file in src/. Sources import sources only, with the .ts ending.";
  const from = folderOf(file);
  const to = folderOf(target);
  if (from === "cli") return undefined;
  if (from === "entries" && to === "entries")
    return "an entry does not import another entry, it names what it exports.";
  if (from === to) return undefined;
  if (to === "loops") {
    if (from === "entries") return undefined;
    if (from === "testing" && /^src\/loops\/virtual\b/.test(target)) return undefined;
    return `only entries wire in a loop (and testing the virtual one). ${from} uses the ports that the kernel declares.`;
  }
  if (from === "loops") {
    return to === "kernel" || to === "posix"
      ? undefined
      : `loops implements the kernel's ports and imports nothing else, not ${to}.`;
  }
  if (rowOf(to) === rowOf(from))
    return `${from} and ${to} are neighbours on one row; what both need belongs below them.`;
  if (rowOf(to) < rowOf(from)) return `${to} is above ${from}; imports point down only.`;
  return undefined;
}

function objectToBare(file: string, specifier: string): string | undefined {
  const folder = folderOf(file);
  if (specifier.startsWith("node:")) {
    if (nodeFolders.has(folder) || nodeExceptions.get(file) === specifier) return undefined;
    return `${folder} does not touch Node.js; go through a port of the loop.`;
  }
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  if (name === "coppice") return "sources import each other by relative path, not by the package's name.";
  if (packages.get(folder)?.includes(name)) return undefined;
  return `${folder} may not use the package ${name}. If it should, say so in tools/check-layers.ts.`;
}

/** Every module that a source names: static imports and re-exports, `import("...")` as a value and as a type. */
function importsOf(source: string): Import[] {
  const statement = /^(?:import|export)\s+(?:(?:[\w$*,\s]|\{[^}]*\})*?\bfrom\s*)?"([^"\n]+)"/gm;
  const call = /^(?!\s*(?:\*|\/\/|\/\*)).*?\bimport\(\s*"([^"\n]+)"/gm;
  return [...source.matchAll(statement), ...source.matchAll(call)].map((match) => ({
    specifier: match[1]!,
    line: source.slice(0, match.index + match[0].length).split("\n").length,
  }));
}

/** Each cycle once, as the list of files that leads from the first one back to it. */
function cyclesOf(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const finished = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start !== -1) {
      cycles.push([...path.slice(start), file]);
      return;
    }
    if (finished.has(file)) return;
    path.push(file);
    for (const target of edges.get(file) ?? []) visit(target);
    path.pop();
    finished.add(file);
  };
  for (const file of edges.keys()) visit(file);
  return cycles;
}

function folderOf(file: string): string {
  const [, folder, ...rest] = file.split("/");
  return folder === undefined || rest.length === 0 ? "entries" : folder;
}

function rowOf(folder: string): number {
  return rows.findIndex((row) => row.includes(folder));
}

function posix(path: string): string {
  return path.split(sep).join("/");
}
