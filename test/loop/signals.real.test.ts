/** Signals, which only a process of its own can be sent without harm. */
import assert from "node:assert/strict";
import test from "node:test";
import { EventLoop } from "coppice/loop";
import { startFile } from "../support/program.ts";

const PROGRAM = "test/programs/loop-signals.ts";

test("a signal handler is called with its arguments, a second one replaces it, and removing it restores the system's", async () => {
  await using program = startFile(PROGRAM, ["replace"]);
  await program.prints(/ready/);
  program.signal("SIGTERM");
  await program.prints(/second handler: 1, 2/);
  program.signal("SIGTERM");
  await program.prints(/second handler: 1, 2\n.*second handler: 1, 2/s);
  program.signal("SIGUSR2");
  const { signal, stdout } = await program.ended;
  assert.equal(signal, "SIGUSR2");
  assert.doesNotMatch(stdout, /first handler/);
});

test("a loop that runs forever with a signal handler holds the process, and is stopped by the signal", async () => {
  await using program = startFile(PROGRAM, ["stop"]);
  await program.prints(/ready/);
  const { code, stdout } = await program.interrupt("SIGINT");
  assert.equal(code, 0);
  assert.match(stdout, /stopped\n$/);
});

test("a run that waits for nothing but a signal holds the process until it comes, and no longer", async () => {
  await using program = startFile(PROGRAM, ["wait"]);
  await program.prints(/ready/);
  const { code, stdout } = await program.interrupt("SIGINT");
  assert.equal(code, 0);
  assert.match(stdout, /told\n$/);
});

test("names that are no signal, and signals that cannot be had, are refused", async () => {
  await using loop = new EventLoop();
  assert.throws(() => loop.addSignalHandler("SIGBOGUS" as "SIGHUP", () => {}), /name of a signal.*"SIGBOGUS"/);
  assert.throws(() => loop.addSignalHandler("SIGKILL", () => {}), { code: "EINVAL" });
  assert.equal(loop.removeSignalHandler("SIGKILL"), false);
});

test("a closed loop has given its signals back", async () => {
  await using program = startFile(PROGRAM, ["close"]);
  await program.prints(/closed/);
  const { signal } = await program.interrupt("SIGTERM");
  assert.equal(signal, "SIGTERM");
});

test("a handler that throws is told to the exception handler, and the loop goes on", async () => {
  await using program = startFile(PROGRAM, ["throw"]);
  await program.prints(/ready/);
  program.signal("SIGUSR2");
  await program.prints(/told: the handler of SIGUSR2 threw/);
  const { code } = await program.interrupt("SIGINT");
  assert.equal(code, 0);
});

test("a signal that no program can handle is the system's error", async () => {
  await using program = startFile(PROGRAM, ["kill"]);
  await program.prints(/EINVAL/);
  await program.ended;
});
