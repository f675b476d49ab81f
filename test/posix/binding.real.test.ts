/** How the C library is reached: when it is loaded, by what, and what is said where it cannot be. */
import assert from "node:assert/strict";
import test from "node:test";
import { type End, Program, runProgram } from "../support/program.ts";
import { lackingFfi } from "../support/tools.ts";

const USE = `
  import { socketPair } from "coppice/selector";
  const [a, b] = socketPair();
  a.sendAll(Buffer.from("through"));
  console.log(String(Buffer.from(b.recv())));
  b.setBlocking(false);
  try { b.recv(); } catch (error) { console.log(error.name, error.code); }
`;
const ANSWER = "through\nWouldBlockError EAGAIN\n";

function runWith(flags: readonly string[], source: string): Promise<End> {
  const args = [...flags, "--conditions=coppice-source", "--input-type=module", "--eval", source];
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  return new Program(process.execPath, args, { env, timeout: 20_000 }).ended;
}

const WITHOUT_KOFFI = `
  import { registerHooks } from "node:module";
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "koffi") throw new Error("not installed");
      return next(specifier, context);
    },
  });
`;

test("importing the selector loads nothing; using it says nothing on standard error", async () => {
  const imported = await runProgram(`
    import "coppice/selector";
    import "coppice/loop";
    console.log(process.moduleLoadList.filter((name) => name === "NativeModule ffi").length);
  `);
  assert.deepEqual([imported.stdout, imported.stderr], ["0\n", ""]);
  const used = await runProgram(USE);
  assert.deepEqual([used.stdout, used.stderr, used.code], [ANSWER, "", 0]);
});

test("other warnings of the moment in which it is loaded are heard", async () => {
  const { stderr } = await runProgram(`
    ${USE}
    process.emitWarning("something else", "ExperimentalWarning");
  `);
  assert.match(stderr, /something else/);
});

test("without node:ffi, koffi does the same", { skip: lackingFfi }, async () => {
  const used = await runWith(["--no-experimental-ffi"], USE);
  assert.deepEqual([used.stdout, used.stderr, used.code], [ANSWER, "", 0]);
});

test("without either, the error says what to install", { skip: lackingFfi }, async () => {
  const { stderr, code } = await runWith(
    ["--no-experimental-ffi"],
    `${WITHOUT_KOFFI}
    const { Socket } = await import("coppice/selector");
    new Socket();`,
  );
  assert.equal(code, 1);
  assert.match(stderr, /UnsupportedError: .*use Node 26 .*or install the package koffi/);
});

test("under the permission model, the error says what to allow", { skip: lackingFfi }, async () => {
  const { stderr, code } = await runWith(
    ["--permission", "--allow-fs-read=*"],
    `const { Socket } = await import("coppice/selector");
    new Socket();`,
  );
  assert.equal(code, 1);
  assert.match(stderr, /UnsupportedError: .*--allow-ffi/);
});

test("another system is named, and importing works there", async () => {
  const { stderr, stdout } = await runProgram(`
    Object.defineProperty(process, "platform", { value: "darwin" });
    const { Selector, UnsupportedError } = await import("coppice/selector");
    console.log("imported");
    try { new Selector(); } catch (error) { console.log(error instanceof UnsupportedError, error.code, error.message); }
  `);
  assert.equal(stderr, "");
  assert.match(stdout, /^imported\ntrue UNSUPPORTED the selector is epoll, .*darwin on/);
});
