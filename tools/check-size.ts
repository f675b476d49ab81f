/**
 * Checks what the package weighs in a bundle: `npm run size [-- --files] [-- --record]`.
 *
 * Two bundles of the sources, minified by esbuild and then compressed as `gzip -9` does:
 *
 *   kernel entry    all that the entry `coppice` exports from src/kernel, with Node's loop, which it needs to run
 *   whole entry     all that the entry `coppice` exports
 *
 * The check fails when the kernel entry is over its limit, and when either of them has grown by more than a little over what
 * `sizes.json` says. So growth happens in small steps or on purpose: `--record` writes the sizes of today there, for the
 * commit that made it grow to contain. `--files` shows what each file adds, before compression.
 *
 * The list of exports is read from src/index.ts by a regular expression, which relies on the formatter as the layer check does.
 * Node's loop gets into a bundle only because `sideEffects` in package.json names it, so that is tested too.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const kernelLimitBytes = 12_000;
const tolerance = 0.02;

interface Sizes {
  readonly kernel: number;
  readonly whole: number;
}

interface Bundle {
  readonly bytes: number;
  readonly gzippedBytes: number;
  /** What each file adds, before compression. */
  readonly bytesByFile: ReadonlyMap<string, number>;
}

const root = resolve(import.meta.dirname, "..");
const recordFile = join(root, "tools", "sizes.json");
const { values: options } = parseArgs({ options: { files: { type: "boolean" }, record: { type: "boolean" } } });

const bundles = {
  kernel: await bundle(`import "./loops/default.ts";\n${kernelExports()}`),
  whole: await bundle('export * from "./index.ts";'),
};
const sizes: Sizes = { kernel: bundles.kernel.gzippedBytes, whole: bundles.whole.gzippedBytes };
const recorded = JSON.parse(readFileSync(recordFile, "utf8")) as Sizes;
const problems: string[] = [];

for (const name of ["kernel", "whole"] as const) {
  describe(name, bundles[name]);
  const growth = sizes[name] / recorded[name] - 1;
  if (growth > tolerance && options.record !== true) {
    problems.push(
      `the ${name} entry has grown by ${percent(growth).slice(1)}: make it smaller, or run \`npm run size -- --record\` and commit tools/sizes.json`,
    );
  }
  if (!bundles[name].bytesByFile.has("src/loops/node/loop.ts")) {
    problems.push(
      `the bundle of the ${name} entry lacks Node's loop: "sideEffects" in package.json must name default.ts`,
    );
  }
}
if (sizes.kernel > kernelLimitBytes) {
  problems.push(`the kernel entry takes ${count(sizes.kernel)} bytes: the limit is ${count(kernelLimitBytes)}`);
}
if (options.record === true) writeFileSync(recordFile, `${JSON.stringify(sizes, undefined, 2)}\n`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

/** The statements of src/index.ts that export from src/kernel. */
function kernelExports(): string {
  const statements = readFileSync(join(root, "src", "index.ts"), "utf8").match(
    /^export [^;]* from "\.\/kernel\/.*";$/gm,
  );
  if (statements === null) throw new Error("src/index.ts exports nothing from src/kernel in the form that is expected");
  return statements.join("\n");
}

async function bundle(source: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: join(root, "src"), loader: "ts" },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node24",
    packages: "external",
    metafile: true,
    write: false,
    logLevel: "error",
  });
  const [output] = outputFiles;
  const [contributions] = Object.values(metafile.outputs);
  if (output === undefined || contributions === undefined) throw new Error("esbuild wrote nothing");
  const files = Object.entries(contributions.inputs).map(([file, input]) => [file, input.bytesInOutput] as const);
  return {
    bytes: output.contents.byteLength,
    gzippedBytes: gzipSync(output.contents, { level: 9 }).byteLength,
    bytesByFile: new Map(files.filter(([, bytes]) => bytes > 0)),
  };
}

function describe(name: keyof Sizes, { bytes, gzippedBytes, bytesByFile }: Bundle): void {
  const limit = name === "kernel" ? ` of at most ${count(kernelLimitBytes)}` : "";
  const difference = gzippedBytes - recorded[name];
  const change =
    difference === 0
      ? "as recorded"
      : `${difference > 0 ? "+" : ""}${count(difference)} (${percent(difference / recorded[name])}) over the record`;
  console.log(`${name} entry: ${count(gzippedBytes)} bytes${limit}, ${change}; ${count(bytes)} before compression`);
  if (options.files !== true) return;
  const largestFirst = [...bytesByFile].toSorted(([, a], [, b]) => b - a);
  for (const [file, fileBytes] of largestFirst) console.log(`  ${count(fileBytes).padStart(7)}  ${file}`);
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function percent(fraction: number): string {
  return `${fraction > 0 ? "+" : ""}${(100 * fraction).toFixed(1)} %`;
}
