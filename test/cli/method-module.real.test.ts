/** Modules that do not load: one clear line, and how `coppice serve` ends. */
import assert from "node:assert/strict";
import test from "node:test";
import { coppice, moduleFile, startCoppice } from "./fixtures.ts";

const NONE =
  'exports no functions: export each method, as in "export function add(a: number, b: number) { return a + b; }"';

const modules: readonly (readonly [what: string, name: string, source: string, complaint: string])[] = [
  [
    "throws",
    "m.ts",
    'export {};\n\nthrow new Error("at the\\nstart");',
    "did not load: Error: at the\\nstart (m.ts:3)",
  ],
  ["throws what is no error", "m.js", "export {}; throw null;", "did not load: null"],
  [
    "is no TypeScript",
    "m.ts",
    "export function f(: number) {}",
    "did not load: SyntaxError [ERR_INVALID_TYPESCRIPT_SYNTAX]: ",
  ],
  [
    "needs more than erasing types",
    "m.ts",
    "export enum E { A }",
    "did not load: SyntaxError [ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX]: TypeScript enum is not supported in strip-only mode (m.ts:1)",
  ],
  ["is no JavaScript", "m.mjs", "export function f( {", "did not load: SyntaxError: "],
  ["imports what is not there", "m.ts", 'import "./no.ts";', "did not load: Error [ERR_MODULE_NOT_FOUND]: "],
  ["never finishes loading", "m.ts", "await new Promise(() => {}); export {};", "did not load: its top-level await "],
  ["is of a kind that Node does not know", "m.txt", "text", "did not load: TypeError [ERR_UNKNOWN_FILE_EXTENSION]: "],
  ["exports no function", "m.ts", "export const a = 1;", NONE],
  [
    "exports only a default",
    "m.ts",
    "export default function f() {}",
    "exports no functions (a default export is no method",
  ],
  [
    "uses a reserved name",
    "m.ts",
    'function f() {} export { f as "rpc.f" };',
    ': method "rpc.f": names that begin with',
  ],
];

for (const [what, name, source, complaint] of modules) {
  test(`a module that ${what}`, async () => {
    await using file = await moduleFile(source, name);
    const { code, stdout, stderr } = await coppice("serve", file.path, "--listen", "tcp://127.0.0.1:0");
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.equal(stderr.split("\n").length, 2, stderr);
    const start = `coppice: ${file.path}${complaint.startsWith(":") ? "" : " "}${complaint}`;
    assert.ok(stderr.startsWith(start), `${stderr}\ndoes not start with\n${start}`);
  });
}

test("under --debug the module's own error is shown with its stack", async () => {
  await using file = await moduleFile('export {}; throw new Error("at the start");');
  const { stderr } = await coppice("serve", file.path, "--debug");
  assert.match(stderr, /\[cause\]: Error: at the start\n {4,}at .*methods\.ts:1/);
});

test("what a module leaves running does not keep the program alive", async () => {
  await using file = await moduleFile("setInterval(() => {}, 1_000); export function f(): void {}");
  await using program = startCoppice("serve", file.path, "--listen", "tcp://127.0.0.1:0");
  await program.prints(/listening/);
  assert.equal((await program.interrupt()).code, 0);
});

test("a CommonJS module will do", async () => {
  await using file = await moduleFile("exports.f = () => 1;", "m.cjs");
  await using program = startCoppice("serve", file.path, "--listen", "tcp://127.0.0.1:0");
  await program.prints(/methods: f\n/);
});
