/** The README and its sisters keep what they promise: programs run as printed, commands and links exist. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { createInterface } from "node:readline";
import test from "node:test";
import { blocksOf, runNode } from "../support/pages.ts";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const node = [process.execPath, ...process.execArgv.filter((option) => option.startsWith("--conditions"))] as const;

function blocks(language: string): string[] {
  return blocksOf(readme, language);
}

/** Runs a TypeScript program of the repository and gives what it printed. */
function output(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return runNode(args);
}

test("the first program of the README is the example, and prints what the README says", async () => {
  assert.equal(blocks("ts")[0], readFileSync(join(root, "examples/first.ts"), "utf8"));
  const { stdout, stderr } = await output("examples/first.ts");
  assert.equal(stderr, "");
  assert.equal(stdout, blocks("text")[0]);
});

test("the program of single functions runs, and prints what the README says", async () => {
  const program = blocks("ts")[1] ?? "";
  const { stdout, stderr } = await output("--input-type=module-typescript", "--eval", program);
  assert.equal(stderr, "");
  assert.ok(blocks("text").includes(stdout), stdout);
});

test("the test in the README passes", async () => {
  const { stdout } = await output("--input-type=module-typescript", "--eval", blocks("ts")[2] ?? "");
  assert.match(stdout, /pass 1\n/);
});

test("serve and call print what the README says", async () => {
  const [file, ...options] = [
    ...node,
    "src/cli/main.ts",
    "serve",
    "examples/arithmetic.ts",
    "--listen",
    "tcp://127.0.0.1:0",
  ];
  const server = spawn(file as string, options, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
    const [, url = "", rest] = /^listening on (\S+), (.*)$/.exec(line) ?? [];
    assert.ok(readme.includes(`listening on tcp://127.0.0.1:8001, ${rest}\n`), line);
    const added = await output("src/cli/main.ts", "call", url, "add", "[2, 3]");
    const divided = await output("src/cli/main.ts", "call", url, "divide", "[1, 0]");
    assert.ok(readme.includes(`\n${added.stdout}${divided.stderr}`), `${added.stdout}${divided.stderr}`);
  } finally {
    server.kill("SIGINT");
    await once(server, "exit");
  }
});

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "examples/README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name.replaceAll(sep, "/")}`),
].filter((page) => existsSync(join(root, page)));

for (const page of pages) {
  const text = readFileSync(join(root, page), "utf8");

  test(`${page}: every npm script that is named exists`, () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    for (const [, script = ""] of text.matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g))
      assert.ok(script in scripts, script);
  });

  test(`${page}: every link and every file that is named exists`, () => {
    const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = ""]) => link);
    const files = [...text.matchAll(/\b(?:examples|src|docs|tools)\/[\w/.-]+\.(?:ts|md|mjs)\b/g)].map(([file]) => file);
    for (const link of links.filter((each) => !each.includes(":"))) {
      assert.ok(existsSync(join(root, dirname(page), link)), link);
    }
    for (const file of files)
      assert.ok(existsSync(join(root, file)) || existsSync(join(root, dirname(page), file)), file);
  });
}
