/** Debug mode: what it prints, in a process of its own, as its hooks are for the whole process. */
import assert from "node:assert/strict";
import test from "node:test";
import { type End, startFile } from "../support/program.ts";

const PROGRAM = "test/programs/loop-debug.ts";

function debugged(scenario: string, env: Record<string, string> = {}): Promise<End> {
  return startFile(PROGRAM, [scenario], { env: { ...process.env, NODE_OPTIONS: "", ...env } }).ended;
}

test("COPPICE_DEBUG=1 reports a task that holds the loop, with its stack in the midst of it and where it was spawned", async () => {
  const { stderr, code } = await debugged("task", { COPPICE_DEBUG: "1" });
  assert.match(
    stderr,
    /\[COPPICE_SLOW_CALLBACK\].*task "cruncher" held the event loop for \d+ ms, more than 100 ms.*\n {2}it was here, in the midst of it\n {4}at crunch \(.*loop-debug\.ts:\d+:\d+\)\n(?: {4}at .*\n)* {2}created\n {4}at .*loop-debug\.ts/,
  );
  assert.equal(code, 0);
});

test("without COPPICE_DEBUG nothing is watched", async () => {
  const values = [{}, { COPPICE_DEBUG: "0" }, { COPPICE_DEBUG: "" }] as Record<string, string>[];
  for (const { stderr, stdout } of await Promise.all(values.map((env) => debugged("task", env)))) {
    assert.equal(stderr, "");
    assert.match(stdout, /debug: false/);
  }
});

test("setDebug reports a callback of the loop that is slow, where it was scheduled, and one of a protocol", async () => {
  const { stderr } = await debugged("callback");
  assert.match(stderr, /callback "chew" held the event loop for \d+ ms, more than 30 ms/);
  assert.match(stderr, /at crunch \(.*\n {4}at chew \(.*\n {2}created\n {4}at scheduling \(/);
  assert.match(stderr, /dataReceived of Slow held the event loop for \d+ ms/);
  assert.match(stderr, /at dataReceived \(|at Slow\.dataReceived \(/);
});

test("a stretch that is shorter than the limit is not reported, and after setDebug(false) none is", async () => {
  const { stderr, stdout } = await debugged("quiet");
  assert.equal(stderr, "");
  assert.match(stdout, /debug: true\ndebug: false\n/);
});

test("one that stands for the same loop and is closed does not end the debug mode of another", async () => {
  const { stderr, stdout } = await debugged("shared");
  assert.match(stderr, /\[COPPICE_SLOW_CALLBACK\]/);
  assert.match(stdout, /debug: false\n/);
});

test("in debug mode errors that nobody saw, and callbacks that threw, are reported with where their thing was made", async () => {
  const { stderr } = await debugged("unseen");
  assert.match(
    stderr,
    /\[COPPICE_UNOBSERVED_ERROR\].*the error of task "failing".*(?:\n.*)*?\n {2}created\n {4}at spawner \(/,
  );
  assert.match(
    stderr,
    /\[COPPICE_UNOBSERVED_ERROR\].*the error of a future.*(?:\n.*)*?\n {2}created\n {4}at future \(/,
  );
  assert.match(
    stderr,
    /\[COPPICE_CALLBACK_ERROR\].*callback "explode" threw(?:\n.*)*?\n {2}created\n {4}at scheduler \(/,
  );
});

test("in debug mode a task of the loop that nobody awaited is reported; one that somebody did is not", async () => {
  const { stderr } = await debugged("never-awaited");
  assert.match(
    stderr,
    /\[COPPICE_NEVER_AWAITED\].*task "forgotten" was never awaited.*\n {2}created\n {4}at forgetful \(/,
  );
  assert.equal(stderr.match(/COPPICE_NEVER_AWAITED/g)?.length, 1, stderr);
});

test("in debug mode use from another loop is reported, once each", async () => {
  const { stderr } = await debugged("wrong-loop");
  for (const what of ["callSoon", "setResult of a future", "write of a transport"]) {
    const reports = stderr.split("\n").filter((line) => line.includes(`${what} of event loop "node", from task`));
    assert.equal(reports.length, 1, `${what} in: ${stderr}`);
    assert.match(reports[0] ?? "", /COPPICE_WRONG_LOOP.*on loop "virtual"/);
  }
});

test("in a worker thread, which cannot be looked into, what holds its loop is measured alone", async () => {
  const { stderr, code } = await debugged("worker", { COPPICE_DEBUG: "1" });
  assert.match(stderr, /task "in the worker" held the event loop for \d+ ms.*\n {2}created\n/);
  assert.doesNotMatch(stderr, /it was here/);
  assert.equal(code, 0);
});
