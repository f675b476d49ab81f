/** Programs that read what others write. */
import assert from "node:assert/strict";
import test from "node:test";
import { TimeoutError } from "coppice";
import { OutputLimitError, ProcessFailedError, runPipeline } from "coppice/process";
import { isRunning, withoutChildren } from "../support/processes.ts";
import { rejection } from "../support/rejection.ts";

const OK = { code: 0, signal: undefined };

test("each command reads what the one before it writes, and the last one's output is given", () =>
  withoutChildren(async () => {
    const input = "pear\napple\npear\n";
    const result = await runPipeline([["cat"], ["sort"], ["uniq", "-c"], ["tr", "-d", " "]], { input });
    assert.deepEqual(result, { ...OK, stdout: "1apple\n2pear\n", stderr: "", statuses: [OK, OK, OK, OK] });
  }));

test("one command is a pipeline, too, and arguments mean nothing to the shell that makes the pipes", () =>
  withoutChildren(async () => {
    const tricky = ["a b", "'", '"', "*", "$HOME", "`id`", "\\", "", "|", ";", "$(id)", "-n", "ü\n"];
    const { stdout } = await runPipeline([["printf", "%s|", ...tricky], ["cat"]]);
    assert.equal(stdout, `${tricky.join("|")}|`);
    assert.equal((await runPipeline([["echo", "x"]])).stdout, "x\n");
  }));

test("a command that wanted no more of the one before it ends that by SIGPIPE, which is no failure", () =>
  withoutChildren(async () => {
    const { stdout, statuses } = await runPipeline([["yes"], ["head", "-2"]]);
    assert.equal(stdout, "y\ny\n");
    assert.deepEqual(statuses, [{ code: undefined, signal: "SIGPIPE" }, OK]);
  }));

test("a failure anywhere is a failure of the whole, that of the first command that failed", () =>
  withoutChildren(async () => {
    const failing = ["sh", "-c", "echo broken >&2; exit 3"] as const;
    const first = await rejection(runPipeline([failing, ["cat"]]));
    assert.ok(first instanceof ProcessFailedError);
    assert.deepEqual(first.command, failing);
    assert.equal(first.exitCode, 3);
    assert.match(first.message, /^sh -c .* ended with exit code 3: broken$/);
    const last = await rejection(runPipeline([["echo"], ["cat"], ["sh", "-c", "exit 4"]]));
    assert.equal((last as ProcessFailedError).exitCode, 4);
    const { statuses, code } = await runPipeline([failing, ["cat"]], { check: false });
    assert.deepEqual(statuses, [{ code: 3, signal: undefined }, OK]);
    assert.equal(code, 0);
  }));

test("a signal that ended a command is named; SIGPIPE of the last one is a failure", () =>
  withoutChildren(async () => {
    const killed = await rejection(runPipeline([["sh", "-c", "kill -9 $$"], ["cat"]]));
    assert.equal((killed as ProcessFailedError).signal, "SIGKILL");
    const piped = await rejection(runPipeline([["echo"], ["sh", "-c", "kill -PIPE $$"]]));
    assert.equal((piped as ProcessFailedError).signal, "SIGPIPE");
  }));

test("megabytes go through, and binary stays binary", () =>
  withoutChildren(async () => {
    const input = Buffer.alloc(2_000_000, Buffer.from([0xff, 0x00, 0x0a]));
    const { stdout } = await runPipeline([["cat"], ["cat"], ["cat"]], { input, binary: true });
    assert.ok(Buffer.from(stdout).equals(input));
  }));

test("a pipeline out of time is ended as one, and so is one that writes too much", () =>
  withoutChildren(async () => {
    const started = ["sh", "-c", "echo $$ >&2; exec sleep 100"] as const;
    const late = await rejection(runPipeline([started, ["cat"], ["sleep", "100"]], { timeoutMs: 50 }));
    assert.ok(late instanceof TimeoutError);
    assert.match(late.message, /^sh -c "[^"]*" \| cat \| sleep 100: not over after 50 ms/);
    const noisy = await rejection(runPipeline([["yes"], ["cat"]], { maxOutputBytes: 10_000 }));
    assert.ok(noisy instanceof OutputLimitError);
  }));

test("a command that was left in the background is ended with the pipeline", () =>
  withoutChildren(async () => {
    const { stdout } = await runPipeline([
      ["sh", "-c", "sleep 100 & echo $!"],
      ["head", "-1"],
    ]);
    assert.equal(isRunning(Number(stdout)), false);
  }));

test("no command at all, or a line of the shell, is a TypeError", () =>
  withoutChildren(async () => {
    assert.ok((await rejection(runPipeline([]))) instanceof TypeError);
    assert.ok((await rejection(runPipeline(["yes | head"]))) instanceof TypeError);
  }));
