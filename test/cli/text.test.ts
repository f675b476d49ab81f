/** What is shown to people: failures, results, numbers, summaries. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, ConnectError, ListenError, TimeoutError } from "coppice";
import { RpcError } from "coppice/rpc";
import { formatSummary, summaryAsJson } from "../../src/cli/bench-summary.ts";
import { formatResult } from "../../src/cli/call.ts";
import { describeFailure, Failure } from "../../src/cli/failure.ts";
import { LatencyHistogram } from "../../src/cli/latency-histogram.ts";
import { countOf, formatMs, formatSeconds } from "../../src/cli/numbers.ts";

test("an error answer is told with its code, message and data", () => {
  assert.deepEqual(describeFailure(new RpcError(-32601, "Method not found")), {
    line: "answered with error -32601: Method not found",
    exitCode: 1,
  });
  assert.equal(
    describeFailure(new RpcError(7, "No", { why: "because", at: [1] })).line,
    'answered with error 7: No ({"why":"because","at":[1]})',
  );
  assert.equal(describeFailure(new RpcError(7, "No", "because")).line, "answered with error 7: No (because)");
  assert.equal(describeFailure(new RpcError(7, "No", null)).line, "answered with error 7: No (null)");
});

test("what a peer sends stays on one line and does not drive the terminal", () => {
  const { line } = describeFailure(new RpcError(1, "a\nb\u001b[2J\u009bc\r", "d\te\u2028"));
  assert.equal(line, "answered with error 1: a\\nb\\u001b[2J\\u009bc\\r (d\\te\\u2028)");
});

test("each kind of error has its exit code", () => {
  const cause = new Error("cause");
  const codes: readonly (readonly [error: unknown, exitCode: number])[] = [
    [new Failure(2, "usage"), 2],
    [new ConnectError("no", { cause }), 3],
    [new ListenError("no", { cause }), 3],
    [new TimeoutError("late"), 4],
    [new BrokenError("lost"), 1],
    [new TypeError("bug"), 1],
    [undefined, 1],
  ];
  for (const [error, exitCode] of codes) assert.equal(describeFailure(error).exitCode, exitCode);
});

test("unexpected errors are told with their class, known ones without, and anything thrown is told somehow", () => {
  assert.equal(describeFailure(new TypeError("bug")).line, "TypeError: bug");
  assert.equal(describeFailure(new BrokenError("lost")).line, "lost");
  assert.equal(describeFailure("text").line, "text");
  assert.equal(describeFailure(Object.create(null)).line, "a value of type object that cannot be shown");
});

test("a result is one line for programs and several for people", () => {
  assert.equal(formatResult({ a: [1] }, false), '{"a":[1]}');
  assert.equal(formatResult({ a: [1] }, true), '{\n  "a": [\n    1\n  ]\n}');
});

test("numbers have three digits that count, and thousands are grouped", () => {
  assert.equal(formatMs(0.41234), "0.412 ms");
  assert.equal(formatMs(12.345), "12.3 ms");
  assert.equal(formatMs(1234.5), "1,235 ms");
  assert.equal(formatMs(undefined), "-");
  assert.equal(formatSeconds(10_000), "10 s");
  assert.equal(countOf(1, "call"), "1 call");
  assert.equal(countOf(1_204, "call"), "1,204 calls");
});

const options = {
  url: "tcp://127.0.0.1:1",
  connections: 2,
  pipeline: 1_000,
  durationMs: 2_000,
  method: "foo",
  params: undefined,
};

test("a summary tells requests, errors by kind and latencies", () => {
  const latencies = new LatencyHistogram();
  for (let ms = 1; ms <= 100; ms++) latencies.add(ms / 10);
  const errors = new Map([
    ["-32601 Method not found", 1_500],
    ["connection lost", 1],
  ]);
  assert.deepEqual(formatSummary({ options, elapsedMs: 2_000, latencies, errors }).split("\n"), [
    "foo for 2 s on 2 connections, 1,000 in flight on each",
    "  requests  100, 50 a second",
    "  errors    1,500 x -32601 Method not found, 1 x connection lost",
    "  latency   p50 5.05 ms, p90 9.09 ms, p99 9.98 ms, max 10 ms",
  ]);
  assert.deepEqual(JSON.parse(summaryAsJson({ options, elapsedMs: 2_000, latencies, errors })), {
    method: "foo",
    connections: 2,
    pipeline: 1_000,
    seconds: 2,
    requests: 100,
    requestsPerSecond: 50,
    errors: { "-32601 Method not found": 1_500, "connection lost": 1 },
    latencyMs: { p50: 5.055, p90: 9.087, p99: 9.983, max: 10 },
  });
});

test("a summary of nothing says so", () => {
  const nothing = { options, elapsedMs: 0, latencies: new LatencyHistogram(), errors: new Map<string, number>() };
  assert.deepEqual(formatSummary(nothing).split("\n").slice(1), [
    "  requests  0, 0 a second",
    "  errors    none",
    "  latency   p50 -, p90 -, p99 -, max -",
  ]);
  const { requestsPerSecond, latencyMs } = JSON.parse(summaryAsJson(nothing));
  assert.equal(requestsPerSecond, 0);
  assert.deepEqual(latencyMs, { p50: null, p90: null, p99: null, max: null });
});
