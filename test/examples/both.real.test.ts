import assert from "node:assert/strict";
import test from "node:test";
import { startFile } from "../support/program.ts";
import { checkHalfClose, checkWire } from "./service-contract.ts";

const FILE = "examples/evolution/both/main.ts";

test("outsiders are answered while the clients beat, and Ctrl-C ends everything in order", async () => {
  await using both = startFile(FILE, ["--port", "0", "--clients", "20", "--heartbeat", "100"]);
  const [, port = ""] = await both.prints(
    /^serving connect, heartbeat, foo on tcp:\/\/127\.0\.0\.1:([0-9]+); Ctrl-C ends it\n/,
  );
  await both.prints(/\n20 clients beat every 100 ms\n/);
  await checkWire(Number(port));
  await checkHalfClose(Number(port));
  const call = await startFile("src/cli/main.ts", ["call", `tcp://127.0.0.1:${port}`, "foo"]).ended;
  assert.deepEqual(call, { code: 0, signal: null, stdout: '"ok"\n', stderr: "" });
  const status = /\n20 connections {2}([0-9]+) calls {2}[0-9.]+ calls\/s {2}p99 [0-9.]+ ms {2}loop delay [0-9.]+ ms\n/;
  const [, calls] = await both.prints(status);
  const { code, stdout, stderr } = await both.interrupt();
  assert.equal(stderr, "");
  assert.equal(code, 0);
  const [, answered] = /\nstopped after [0-9.]+ s: answered ([0-9]+) calls on 23 connections\n$/.exec(stdout) ?? [];
  // 20 times `connect`, 5 requests by hand, 1 and 1 more; the rest are beats.
  assert.ok(Number(calls) > 20, stdout);
  assert.ok(Number(answered) >= Number(calls), stdout);
});

test("no call is lost when Ctrl-C comes in the middle of many", async () => {
  await using both = startFile(FILE, ["--port", "0", "--clients", "300", "--heartbeat", "10"]);
  await both.prints(/\n300 connections /);
  const { code, stdout, stderr } = await both.interrupt("SIGTERM");
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.match(stdout, /\nstopped after .* on 300 connections\n$/);
});

test("Ctrl-C while the clients still connect", async () => {
  await using both = startFile(FILE, ["--port", "0", "--clients", "300", "--heartbeat", "10"]);
  await both.prints(/\n300 clients beat/);
  const { code, stderr } = await both.interrupt();
  assert.equal(stderr, "");
  assert.equal(code, 0);
});

test("a port in use is told in one line", async () => {
  await using first = startFile(FILE, ["--port", "0", "--clients", "0"]);
  const [, port = ""] = await first.prints(/127\.0\.0\.1:([0-9]+);/);
  const { code, stdout, stderr } = await startFile(FILE, ["--port", port]).ended;
  assert.equal(code, 3);
  assert.equal(stdout, "");
  assert.match(stderr, /^listen on 127\.0\.0\.1:[0-9]+: the port is in use \(EADDRINUSE\): .*\n$/);
});

test("a flag that makes no sense is told in one line", async () => {
  for (const [args, line] of [
    [["--clients", "many"], '--clients: expected a whole number, got "many"\n'],
    [["--beats", "3"], "Unknown option '--beats'\n"],
  ] as const) {
    const { code, stderr } = await startFile(FILE, args).ended;
    assert.equal(code, 2);
    assert.equal(stderr, line);
  }
});
