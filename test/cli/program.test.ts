/** What the command line is understood as. */
import assert from "node:assert/strict";
import test from "node:test";
import { CommanderError } from "commander";
import { Failure } from "../../src/cli/failure.ts";
import { createProgram } from "../../src/cli/program.ts";
import { rejection } from "../support/rejection.ts";

const address = { host: "127.0.0.1", port: 8000 };

/** The command that is called, with its options; and what was printed. */
async function parse(...args: string[]): Promise<{ called: unknown[]; printed: string }> {
  const called: unknown[] = [];
  let printed = "";
  const program = createProgram({
    serve: async (...options) => void called.push("serve", ...options),
    call: async (...options) => void called.push("call", ...options),
    bench: async (...options) => void called.push("bench", ...options),
  });
  const write = (text: string): void => {
    printed += text;
  };
  for (const command of [program, ...program.commands]) command.configureOutput({ writeOut: write, writeErr: write });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    throw Object.assign(error as Error, { printed });
  }
  return { called, printed };
}

test("serve has defaults for everything but the module", async () => {
  const { called } = await parse("serve", "methods.ts");
  const expected = { module: "methods.ts", address, maxFrameBytes: 16_777_216, graceMs: 10_000, isDebug: false };
  assert.deepEqual(called, ["serve", expected]);
});

test("serve takes its options", async () => {
  const options = ["--listen", "tcp://[::1]:0", "--max-frame-bytes", "64", "--grace", "0", "--debug"];
  const { called } = await parse("serve", ...options, "m.js");
  const expected = { module: "m.js", address: { host: "::1", port: 0 }, maxFrameBytes: 64, graceMs: 0, isDebug: true };
  assert.deepEqual(called, ["serve", expected]);
});

test("call without params has none", async () => {
  const { called } = await parse("call", "tcp://127.0.0.1:8000", "foo");
  const expected = { address, method: "foo", params: undefined, timeoutMs: 30_000, isNotification: false };
  assert.deepEqual(called, ["call", expected, false]);
});

test("call takes params by position and by name", async () => {
  for (const params of [[1, "two"], { a: 1 }]) {
    const { called } = await parse("call", "tcp://127.0.0.1:8000", "foo", JSON.stringify(params), "--notify");
    const expected = { address, method: "foo", params, timeoutMs: 30_000, isNotification: true };
    assert.deepEqual(called, ["call", expected, false]);
  }
});

test("bench has defaults for everything but the URL", async () => {
  const { called } = await parse("bench", "tcp://127.0.0.1:8000");
  const load = { connections: 10, pipeline: 1, durationMs: 10_000, method: "foo", params: undefined };
  assert.deepEqual(called, ["bench", { address, ...load, isJson: false }, false]);
});

test("bench takes its options, and fractions of a second", async () => {
  const options = "--connections 3 --pipeline 4 --duration 0.5 --method add --params [1,2] --json --debug".split(" ");
  const { called } = await parse("bench", "tcp://127.0.0.1:8000", ...options);
  const load = { connections: 3, pipeline: 4, durationMs: 500, method: "add", params: [1, 2] };
  assert.deepEqual(called, ["bench", { address, ...load, isJson: true }, true]);
});

const refusals: readonly (readonly [args: string, message: RegExp])[] = [
  ["call localhost foo", /^URL: expected an address like tcp:\/\/127\.0\.0\.1:8000, got "localhost"$/],
  ["call http://127.0.0.1:80 foo", /^URL: .*of schemes, only tcp is there/],
  ["call tcp://127.0.0.1:65536 foo", /^URL: .*a port is at most 65535/],
  ["call tcp://127.0.0.1:1 foo 3", /^PARAMS: expected a JSON array .* or object .*, got "3"$/],
  ["call tcp://127.0.0.1:1 foo null", /^PARAMS: expected a JSON array/],
  ["call tcp://127.0.0.1:1 foo [1", /^PARAMS: expected JSON such as .*JSON/],
  ["call tcp://127.0.0.1:1 foo --timeout 0", /^--timeout: expected a whole number of at least 1, got "0"$/],
  ["call tcp://127.0.0.1:1 foo --timeout 1e3", /^--timeout: .*got "1e3"$/],
  ["serve m.ts --listen 8000", /^--listen: expected an address like .*, got "8000"$/],
  ["serve m.ts --grace -1", /^--grace: expected a whole number of at least 0, got "-1"$/],
  ["serve m.ts --max-frame-bytes 0", /^--max-frame-bytes: expected a whole number from 1 to 2147483647, got "0"$/],
  ["serve m.ts --max-frame-bytes 2147483648", /^--max-frame-bytes: .*got "2147483648"$/],
  ["bench tcp://127.0.0.1:1 --connections ten", /^--connections: .*got "ten"$/],
  ["bench tcp://127.0.0.1:1 --pipeline 1.5", /^--pipeline: .*got "1\.5"$/],
  ["bench tcp://127.0.0.1:1 --duration 0", /^--duration: expected seconds above 0, at most 1000000, got "0"$/],
  ["bench tcp://127.0.0.1:1 --duration Infinity", /^--duration: .*got "Infinity"$/],
  ["bench tcp://127.0.0.1:1 --params {", /^--params: expected JSON/],
];

for (const [args, message] of refusals) {
  test(`"${args}" is refused with what was expected and what was given`, async () => {
    const error = await rejection(parse(...args.split(" ")));
    assert.ok(error instanceof Failure);
    assert.equal(error.exitCode, 2);
    assert.match(error.message, message);
  });
}

for (const [args, message] of [
  ["serve", "coppice: missing required argument 'module'; see coppice --help\n"],
  ["call tcp://127.0.0.1:1", "coppice: missing required argument 'method'; see coppice --help\n"],
  ["frobnicate", "coppice: unknown command 'frobnicate'; see coppice --help\n"],
  [
    "call --timeot 3 tcp://127.0.0.1:1 foo",
    "coppice: unknown option '--timeot' (Did you mean --timeout?); see coppice --help\n",
  ],
] as const) {
  test(`"${args}" is refused in one line`, async () => {
    const error = await rejection(parse(...args.split(" ")));
    assert.ok(error instanceof CommanderError);
    assert.equal((error as CommanderError & { printed: string }).printed, message);
  });
}
