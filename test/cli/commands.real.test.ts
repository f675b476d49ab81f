/** The `coppice` command as a child process: what it prints, and how it ends. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { type End, freePort, ROOT } from "../support/program.ts";
import { coppice, serving, startCoppice } from "./fixtures.ts";

const METHODS = `
export function add(a: number, b: number): number { return a + b; }
export const greet = ({ name }: { name: string }): string => "hello " + name;
export function foo(): string { return "ok"; }
export function fail(): never { throw new Error("secret"); }
let isCalled = false;
export function tell(): string {
  if (!isCalled) process.stdout.write("called\\n");
  isCalled = true;
  return "ok";
}
export async function hang(): Promise<void> { tell(); await new Promise((resolve) => setTimeout(resolve, 600_000)); }
export function long(): string { return "x".repeat(1_000_000); }
export const version = 3;
`;

test("serve, call and bench: a round trip", async () => {
  await using server = await serving(METHODS);
  assert.match(
    server.program.stdout,
    /^listening on tcp:\/\/127\.0\.0\.1:[0-9]+, methods: add, fail, foo, greet, hang, long, tell\n$/,
  );

  assert.deepEqual(await coppice("call", server.url, "add", "[1, 2]"), ended(0, "3\n"));
  assert.deepEqual(await coppice("call", server.url, "greet", '{"name": "you"}'), ended(0, '"hello you"\n'));
  assert.deepEqual(await coppice("call", server.url, "add", "[1, 2]", "--notify"), ended(0));

  const bench = await coppice("bench", server.url, "--connections", "3", "--pipeline", "4", "--duration", "0.3");
  assert.equal(bench.code, 0);
  assert.match(
    bench.stdout,
    /^foo for [0-9.]+ s on 3 connections, 4 in flight on each\n {2}requests {2}[0-9,]+, [0-9,]+ a second\n {2}errors {4}none\n {2}latency {3}p50 .* ms, p90 .* ms, p99 .* ms, max .* ms\n$/,
  );

  const end = await server.program.interrupt();
  assert.equal(end.code, 0);
  assert.match(end.stdout, /\nstopping: .*\nstopped after [0-9.]+ s: [0-9,]+ calls on 6 connections\n$/);
  assert.equal(end.stderr, "");
});

test("bench --json is one line of JSON", async () => {
  await using server = await serving(METHODS);
  const options = ["--connections", "2", "--duration", "0.2", "--method", "add", "--params", "[1,2]", "--json"];
  const { code, stdout } = await coppice("bench", server.url, ...options);
  assert.equal(code, 0);
  assert.equal(stdout.split("\n").length, 2);
  const { requests, errors, connections, latencyMs } = JSON.parse(stdout);
  assert.ok(requests > 0);
  assert.deepEqual(errors, {});
  assert.equal(connections, 2);
  assert.ok(latencyMs.p50 <= latencyMs.p99 && latencyMs.p99 <= latencyMs.max);
});

test("1: a call that is answered with an error is told in one line", async () => {
  await using server = await serving(METHODS);
  const end = await coppice("call", server.url, "nope");
  const line = 'coppice: answered with error -32601: Method not found (no method "nope" is served here)\n';
  assert.deepEqual(end, ended(1, "", line));
});

test("1: a bench whose calls are answered with errors counts them by kind", async () => {
  await using server = await serving(METHODS);
  const { code, stdout } = await coppice("bench", server.url, "--method", "nope", "--duration", "0.2");
  assert.equal(code, 1);
  assert.match(stdout, /\n {2}errors {4}[0-9,]+ x -32601 Method not found\n/);
});

test("1: a connection that is lost before the answer", async () => {
  const hanger = createServer((socket) => void socket.on("data", () => socket.destroy()).on("error", () => {}));
  await new Promise<void>((resolve) => hanger.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = hanger.address() as { port: number };
    const { code, stderr } = await coppice("call", `tcp://127.0.0.1:${port}`, "foo");
    assert.equal(code, 1);
    assert.match(stderr, /^coppice: the connection .*\n$/);
    const bench = await coppice("bench", `tcp://127.0.0.1:${port}`, "--connections", "3", "--duration", "60");
    assert.equal(bench.code, 1);
    assert.match(bench.stdout, /\n {2}errors {4}3 x connection lost\n/);
  } finally {
    hanger.close();
  }
});

test("1: a method that fails is told to the server's operator alone, with a stack under --debug", async () => {
  for (const debug of [[], ["--debug"]]) {
    await using server = await serving(METHODS, ...debug);
    assert.deepEqual(await coppice("call", server.url, "fail"), {
      ...ended(1, "", "coppice: answered with error -32603: Internal error\n"),
    });
    const { stdout, stderr } = await server.program.interrupt("SIGTERM");
    const [line, ...stack] = stderr.trimEnd().split("\n");
    assert.equal(line, 'coppice: method fail failed, the caller was told "Internal error": Error: secret');
    assert.equal(stack.length > 0, debug.length > 0, stderr);
    assert.match(stdout, /: 1 call on 1 connection, 1 failed\n$/);
  }
});

test("2: wrong usage is one line that says what was expected", async () => {
  const uses: readonly (readonly [args: string[], line: string])[] = [
    [["call", "nowhere", "foo"], 'URL: expected an address like tcp://127.0.0.1:8000, got "nowhere"'],
    [["bench", "tcp://127.0.0.1:1", "--pipeline", "0"], '--pipeline: expected a whole number of at least 1, got "0"'],
    [["nope"], "unknown command 'nope'; see coppice --help"],
    [["serve", "no-such-file.ts"], "no such file: no-such-file.ts"],
    [["serve", "src"], "src is not a file: expected a module, .ts or .js"],
  ];
  for (const [args, line] of uses) assert.deepEqual(await coppice(...args), ended(2, "", `coppice: ${line}\n`));
});

test("2: without a command, the help is shown as an error", async () => {
  const { code, stdout, stderr } = await coppice();
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /^Usage: coppice/);
});

test("3: nobody to connect to", async () => {
  const port = await freePort();
  const line = `coppice: connect to 127.0.0.1:${port}: nothing listens there (ECONNREFUSED)\n`;
  assert.deepEqual(await coppice("call", `tcp://127.0.0.1:${port}`, "foo"), ended(3, "", line));
  assert.deepEqual(await coppice("bench", `tcp://127.0.0.1:${port}`), ended(3, "", line));
});

test("3: the port is in use", async () => {
  await using server = await serving(METHODS);
  const { code, stdout, stderr } = await coppice("serve", "examples/arithmetic.ts", "--listen", server.url);
  assert.equal(code, 3);
  assert.equal(stdout, "");
  assert.match(stderr, /^coppice: listen on 127\.0\.0\.1:[0-9]+: the port is in use \(EADDRINUSE\): .*\n$/);
});

test("4: no answer in time", async () => {
  await using server = await serving(METHODS);
  const end = await coppice("call", server.url, "hang", "--timeout", "100");
  assert.deepEqual(end, ended(4, "", `coppice: no answer from ${server.url} within 100 ms\n`));
});

test("130 and 143: a signal cuts a call off, without a word", async () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    await using server = await serving(METHODS);
    await using caller = startCoppice("call", server.url, "hang");
    await server.program.prints(/called/);
    assert.deepEqual(await caller.interrupt(signal), ended(code));
  }
});

test("130: a bench that is cut off says what it measured", async () => {
  await using server = await serving(METHODS);
  await using bench = startCoppice("bench", server.url, "--method", "tell", "--duration", "600");
  await server.program.prints(/called/);
  const { code, stdout } = await bench.interrupt();
  assert.equal(code, 130);
  assert.match(stdout, /^tell for .*\n {2}requests {2}.*\n {2}errors {4}none\n/);
});

test("130: a serve whose grace is over, or that is interrupted twice, cuts off even what cannot be cancelled", async () => {
  for (const grace of ["50", "600000"]) {
    await using server = await serving(METHODS, "--grace", grace);
    await using caller = startCoppice("call", server.url, "hang");
    await server.program.prints(/called/);
    server.program.child.kill("SIGINT");
    await server.program.prints(/\nstopping: /);
    if (grace !== "50") server.program.child.kill("SIGINT");
    const { code, stdout, stderr } = await server.program.ended;
    assert.equal(code, 130);
    assert.match(stdout, /\nstopped after .*: 1 call on 1 connection\n$/);
    assert.match(stderr, /^coppice: cut off by SIGINT, though something was still running: .*\n$/);
    assert.equal((await caller.ended).code, 1);
  }
});

test("--debug shows the stack of a failure, and without it there is none", async () => {
  const url = `tcp://127.0.0.1:${await freePort()}`;
  assert.doesNotMatch((await coppice("call", url, "foo")).stderr, /\n {4}at /);
  const { code, stderr } = await coppice("call", url, "foo", "--debug");
  assert.equal(code, 3);
  assert.match(stderr, /^coppice: connect to .*\nConnectError: .*\n {4}at /);
});

test("--help tells usage, options, an example and the exit codes", async () => {
  const { code, stdout, stderr } = await coppice("--help");
  assert.equal(code, 0);
  assert.equal(stderr, "");
  for (const command of ["serve", "call", "bench"]) {
    assert.match(stdout, new RegExp(`^ {2}${command} \\[options\\]`, "m"));
    const help = await coppice(command, "--help");
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`^Usage: coppice ${command} `));
    assert.match(help.stdout, new RegExp(`\nExample:\n {2}\\$ coppice ${command} `));
    assert.match(help.stdout, /\nExit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 .*\n {2}4 .*\n {2}130\/143 /);
  }
});

test("--version is that of the package", async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert.deepEqual(await coppice("--version"), ended(0, `${version}\n`));
});

test("a reader that goes away ends the program quietly", async () => {
  await using server = await serving(METHODS);
  for (const args of [["call", server.url, "long"], ["bench", server.url, "--duration", "0.2"], ["--help"]]) {
    await using program = startCoppice(...args);
    program.child.stdout?.destroy();
    const { code, signal, stderr } = await program.ended;
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  }
});

/** What a program that came to its own end is compared with. */
function ended(code: number, stdout = "", stderr = ""): End {
  return { code, signal: null, stdout, stderr };
}
