/** Running a program to its end. */
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { inspect } from "node:util";
import { sleep, TimeoutError, withTimeout } from "coppice";
import { OutputLimitError, ProcessFailedError, runProcess } from "coppice/process";
import { gone, isRunning, withoutChildren } from "../support/processes.ts";
import { rejection } from "../support/rejection.ts";

test("it gives what the program wrote, as text, and how it ended", () =>
  withoutChildren(async () => {
    const result = await runProcess("echo out; echo err >&2", { shell: true });
    assert.deepEqual(result, { code: 0, signal: undefined, stdout: "out\n", stderr: "err\n" });
  }));

test("bytes are given where they are asked for; in text, what is no UTF-8 is replaced", () =>
  withoutChildren(async () => {
    const command = ["printf", "\\303\\274\\377"] as const;
    assert.equal((await runProcess(command)).stdout, "ü\ufffd");
    const { stdout } = await runProcess(command, { binary: true });
    assert.deepEqual([...stdout], [0xc3, 0xbc, 0xff]);
  }));

test("a character that comes in two pieces is one", () =>
  withoutChildren(async () => {
    const { stdout } = await runProcess("printf '\\303'; sleep 0.1; printf '\\274'", { shell: true });
    assert.equal(stdout, "ü");
  }));

test("a nonzero exit code is an error, with the command, the code and the end of standard error", () =>
  withoutChildren(async () => {
    const error = await rejection(runProcess(["sh", "-c", "echo some; echo no such thing >&2; exit 3"]));
    assert.ok(error instanceof ProcessFailedError);
    assert.equal(error.code, "PROCESS_FAILED");
    assert.equal(
      error.message,
      'sh -c "echo some; echo no such thing >&2; exit 3" ended with exit code 3: no such thing',
    );
    assert.deepEqual(
      [error.exitCode, error.signal, error.stdout, error.stderr],
      [3, undefined, "some\n", "no such thing\n"],
    );
    assert.deepEqual(error.command.slice(0, 2), ["sh", "-c"]);
  }));

test("a long standard error is cut in the message, and whole in the error; printing the error does not show it all", () =>
  withoutChildren(async () => {
    const error = await rejection(runProcess("seq 100000 >&2; echo the end >&2; exit 1", { shell: true }));
    assert.ok(error instanceof ProcessFailedError);
    assert.ok(error.message.length < 3_000);
    assert.ok(error.message.endsWith("\nthe end"));
    assert.ok(error.stderr.length > 500_000);
    assert.ok(inspect(error).length < 5_000);
  }));

test("an end by a signal is an error that names it", () =>
  withoutChildren(async () => {
    const error = await rejection(runProcess(["sh", "-c", "kill -TERM $$"]));
    assert.ok(error instanceof ProcessFailedError);
    assert.deepEqual([error.exitCode, error.signal], [undefined, "SIGTERM"]);
    assert.match(error.message, /was ended by SIGTERM$/);
  }));

test("without check, a failure is only told", () =>
  withoutChildren(async () => {
    const { code, stderr } = await runProcess("echo no >&2; exit 3", { shell: true, check: false });
    assert.deepEqual([code, stderr], [3, "no\n"]);
    assert.equal((await runProcess(["sh", "-c", "kill -9 $$"], { check: false })).signal, "SIGKILL");
  }));

test("input is text, bytes, or chunks as they come; without any, the end of the file is there at once", () =>
  withoutChildren(async () => {
    assert.equal((await runProcess(["cat"], { input: "grün" })).stdout, "grün");
    assert.equal((await runProcess(["cat"], { input: Uint8Array.of(104, 105) })).stdout, "hi");
    async function* chunks(): AsyncGenerator<string | Uint8Array> {
      yield "one ";
      await sleep(5);
      yield Buffer.from("two");
    }
    assert.equal((await runProcess(["cat"], { input: chunks() })).stdout, "one two");
    assert.equal((await runProcess(["cat"])).stdout, "");
  }));

test("a program that fills standard error before it reads, and standard output while it does, blocks nobody", () =>
  withoutChildren(async () => {
    const input = "x".repeat(3_000_000);
    const { stdout, stderr } = await runProcess("head -c 1000000 /dev/zero >&2; cat", { shell: true, input });
    assert.deepEqual([stdout.length, stderr.length], [3_000_000, 1_000_000]);
  }));

test("a program that does not read all of its input has not failed by that", () =>
  withoutChildren(async () => {
    assert.equal((await runProcess(["head", "-c", "2"], { input: "x".repeat(3_000_000) })).stdout, "xx");
    assert.equal((await runProcess(["true"], { input: "x".repeat(3_000_000) })).code, 0);
    assert.equal(
      (await runProcess("exec <&-; sleep 0.1; echo done", { shell: true, input: "x".repeat(3_000_000) })).stdout,
      "done\n",
    );
  }));

test("input that goes on for ever is ended with the program, and told so", () =>
  withoutChildren(async () => {
    let isOver = false;
    async function* forever(): AsyncGenerator<string> {
      try {
        for (;;) {
          yield "y\n";
          await sleep(1);
        }
      } finally {
        isOver = true;
      }
    }
    assert.equal((await runProcess(["head", "-1"], { input: forever() })).stdout, "y\n");
    assert.equal(isOver, true);
  }));

test("an input that fails ends the program, and its error is thrown unchanged", () =>
  withoutChildren(async () => {
    const boom = new Error("boom");
    async function* failing(): AsyncGenerator<string> {
      yield "one";
      throw boom;
    }
    assert.equal(await rejection(runProcess(["cat"], { input: failing() })), boom);
  }));

test("more output than the limit ends the program, with an error that names the limit", () =>
  withoutChildren(async () => {
    const error = await rejection(runProcess(["yes"], { maxOutputBytes: 10_000 }));
    assert.ok(error instanceof OutputLimitError);
    assert.equal(error.code, "OUTPUT_LIMIT");
    assert.match(error.message, /^yes: its standard output is longer than maxOutputBytes \(10000\): raise that limit/);
    const noisy = await rejection(runProcess("yes >&2", { shell: true, maxOutputBytes: 10_000 }));
    assert.match(String(noisy), /standard error is longer than maxOutputBytes/);
    assert.equal((await runProcess(["echo", "123"], { maxOutputBytes: 4 })).stdout, "123\n");
  }));

test("a program that takes too long is ended, and that is a TimeoutError", () =>
  withoutChildren(async () => {
    const error = await rejection(runProcess(["sleep", "100"], { timeoutMs: 20 }));
    assert.ok(error instanceof TimeoutError);
    assert.equal(error.message, "sleep 100: not over after 20 ms (timeoutMs), and was ended");
    assert.equal((await runProcess(["echo"], { timeoutMs: 60_000 })).code, 0);
  }));

test("a timeout around it is that one's own", () =>
  withoutChildren(async () => {
    const error = await rejection(withTimeout(20, () => runProcess(["sleep", "100"], { timeoutMs: 60_000 })));
    assert.ok(error instanceof TimeoutError);
    assert.equal(error.message, "timed out after 20 ms");
  }));

test("a grandchild in the background that holds the output is ended soon after the program, and what was written is all there", () =>
  withoutChildren(async () => {
    const { stdout } = await runProcess("sleep 100 & echo $!", { shell: true });
    assert.equal(isRunning(Number(stdout)), false);
  }));

test("one that holds the output and has left the group is not waited for, and lives", () =>
  withoutChildren(async () => {
    const directory = mkdtempSync(join(tmpdir(), "coppice-"));
    const daemon = 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec sleep 100';
    const line = `setsid sh -c '${daemon}' "$0" & until [ -e "$0" ]; do sleep 0.01; done; echo over`;
    const { stdout } = await runProcess(["sh", "-c", line, join(directory, "pid")]);
    assert.equal(stdout, "over\n");
    const pid = Number(readFileSync(join(directory, "pid"), "utf8"));
    assert.equal(isRunning(pid), true);
    process.kill(pid, "SIGKILL");
    await gone(pid);
    rmSync(directory, { recursive: true });
  }));

test("outputs go where they are sent: nowhere, together, into a file", () =>
  withoutChildren(async () => {
    const line = "echo out; echo err >&2";
    const options = { shell: true } as const;
    assert.deepEqual((await runProcess(line, { ...options, stdout: "ignore" })).stdout, "");
    const together = await runProcess(line, { ...options, stderr: "stdout" });
    assert.deepEqual([together.stdout, together.stderr], ["out\nerr\n", ""]);
    const directory = mkdtempSync(join(tmpdir(), "coppice-"));
    const file = openSync(join(directory, "log"), "w");
    await runProcess(line, { ...options, stdout: file, stderr: "stdout" });
    closeSync(file);
    assert.equal(readFileSync(join(directory, "log"), "utf8"), "out\nerr\n");
    rmSync(directory, { recursive: true });
  }));

test("options that make no sense are told", () =>
  withoutChildren(async () => {
    const invalid = [{ timeoutMs: -1 }, { timeoutMs: Number.NaN }, { maxOutputBytes: -1 }, { maxOutputBytes: 1.5 }];
    for (const options of invalid) assert.ok((await rejection(runProcess(["true"], options))) instanceof RangeError);
    assert.ok((await rejection(runProcess(["true"], { input: "", stdin: "inherit" }))) instanceof TypeError);
  }));
