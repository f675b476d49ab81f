/** Child processes with streams: talking to them, their end, and ending them. */
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { BrokenError, ClosedError, moveOnAfter, sleepForever, taskGroup, until } from "coppice";
import { openProcess, withProcess } from "coppice/process";
import { gone, isRunning, readAll, readLine, shell, withoutChildren } from "../support/processes.ts";
import { rejection } from "../support/rejection.ts";

test("a child is talked to over its standard input and output, and its end is told", () =>
  withoutChildren(async () => {
    await using cat = await openProcess(["cat"]);
    assert.equal(cat.status, undefined);
    await cat.stdin.send(Buffer.from("hello"));
    assert.equal(String(await cat.stdout.receive()), "hello");
    await cat.stdin.close();
    assert.equal(await cat.stdout.receive(), undefined);
    assert.deepEqual(await cat.wait(), { code: 0, signal: undefined });
    assert.deepEqual(cat.status, { code: 0, signal: undefined });
    assert.deepEqual(await cat.wait(), { code: 0, signal: undefined });
  }));

test("arguments go to the program as they are: blanks, quotes, stars and dollars mean nothing", () =>
  withoutChildren(async () => {
    const tricky = ["a b", "'", '"', "*", "$HOME", "`id`", "\\", "", "ü\n"];
    await using child = await openProcess(["printf", "%s|", ...tricky]);
    assert.equal(String(await readAll(child.stdout)), `${tricky.join("|")}|`);
  }));

test("an exit code and a signal are told apart", () =>
  withoutChildren(async () => {
    await using three = await openProcess(["sh", "-c", "exit 3"]);
    assert.deepEqual(await three.wait(), { code: 3, signal: undefined });
    await using killed = await openProcess(["sleep", "100"]);
    assert.equal(killed.kill(), true);
    assert.deepEqual(await killed.wait(), { code: undefined, signal: "SIGKILL" });
    assert.equal(killed.kill(), false);
    assert.equal(killed.signal("SIGTERM"), false);
    await using terminated = await openProcess(["sleep", "100"]);
    assert.equal(terminated.terminate(), true);
    assert.deepEqual(await terminated.wait(), { code: undefined, signal: "SIGTERM" });
  }));

test("a megabyte through a child comes out whole, with backpressure on both sides", () =>
  withoutChildren(async () => {
    const bytes = Buffer.alloc(1_000_000, "0123456789");
    await using cat = await openProcess(["cat"]);
    await taskGroup(async (group) => {
      group.spawn(async () => {
        for (let at = 0; at < bytes.length; at += 50_000) await cat.stdin.send(bytes.subarray(at, at + 50_000));
        await cat.stdin.close();
      });
      assert.ok((await readAll(cat.stdout)).equals(bytes));
    });
  }));

test("the streams are those that were asked for, and standard error can be one of them", () =>
  withoutChildren(async () => {
    await using child = await openProcess(["sh", "-c", "cat; echo oops >&2"], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const { stdin, stdout }: { stdin: undefined; stdout: undefined } = child;
    assert.deepEqual([stdin, stdout], [undefined, undefined]);
    assert.equal(String(await readAll(child.stderr)), "oops\n");
  }));

test("standard error goes where standard output goes, in the order of writing", () =>
  withoutChildren(async () => {
    const line = "for i in 1 2 3; do echo out $i; echo err $i >&2; done";
    await using child = await openProcess(line, { shell: true, stderr: "stdout" });
    assert.equal(String(await readAll(child.stdout)), "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
    assert.deepEqual(await child.wait(), { code: 0, signal: undefined });
  }));

test("a child has the directory and the environment that it is given, and nothing else of this process's", () =>
  withoutChildren(async () => {
    const env = { PATH: process.env.PATH, COLOUR: "green", HOME: undefined };
    await using child = await openProcess('pwd; echo "$COLOUR:$HOME"', { shell: true, cwd: "/usr", env });
    assert.equal(String(await readAll(child.stdout)), "/usr\ngreen:\n");
  }));

test("a descriptor of this process can be a child's standard stream", () =>
  withoutChildren(async () => {
    const source = openSync("/etc/hostname", "r");
    await using child = await openProcess(["wc", "-l"], { stdin: source });
    closeSync(source);
    assert.equal(String(await readAll(child.stdout)).trim(), "1");
  }));

test("the end of a child is told while a grandchild holds its output", () =>
  withoutChildren(async () => {
    await using child = await shell("sleep 100 & echo $!; exit 7");
    const grandchild = Number(await readLine(child.stdout));
    assert.deepEqual(await child.wait(), { code: 7, signal: undefined });
    assert.equal(isRunning(grandchild), true);
    assert.equal(await moveOnAfter(20, () => child.stdout.receive()), undefined);
    await child.close();
    assert.equal(isRunning(grandchild), false);
  }));

test("what a child wrote before its end can be received after it", () =>
  withoutChildren(async () => {
    await using child = await openProcess(["echo", "last words"]);
    await child.wait();
    assert.equal(String(await readAll(child.stdout)), "last words\n");
  }));

test("output that nobody receives is not read on, also after the end of the child", () =>
  withoutChildren(async () => {
    await using child = await shell("yes & sleep 0.1");
    await child.wait();
    const before = process.memoryUsage().arrayBuffers;
    await moveOnAfter(100, () => sleepForever());
    assert.ok(process.memoryUsage().arrayBuffers - before < 4_000_000);
    assert.equal(String(await child.stdout.receive(2)), "y\n");
  }));

test("leaving its block ends a child and what it has started", () =>
  withoutChildren(async () => {
    let pids: number[] = [];
    {
      await using child = await shell("sleep 100 & echo $!; sleep 100");
      pids = [child.pid, Number(await readLine(child.stdout))];
    }
    assert.deepEqual(pids.map(isRunning), [false, false]);
  }));

test("a child that ignores SIGTERM is killed after the grace, and so is a grandchild that does", () =>
  withoutChildren(async () => {
    await using child = await shell(
      "trap '' TERM; (while :; do sleep 1; done) & echo $!; while :; do sleep 1; done",
      50,
    );
    const grandchild = Number(await readLine(child.stdout));
    await child.close();
    assert.deepEqual(child.status, { code: undefined, signal: "SIGKILL" });
    await gone(grandchild);
  }));

test("a grandchild that cleans up at SIGTERM has the grace for it, though the child ends at once", () =>
  withoutChildren(async () => {
    const directory = mkdtempSync(join(tmpdir(), "coppice-"));
    const grandchild = `trap 'sleep 0.2; echo cleaned >${directory}/note; exit' TERM; echo up; while :; do sleep 0.05; done`;
    await using child = await shell(`(${grandchild}) & wait`);
    assert.equal(await readLine(child.stdout), "up");
    await child.close();
    assert.deepEqual(child.status, { code: undefined, signal: "SIGTERM" });
    assert.equal(readFileSync(join(directory, "note"), "utf8"), "cleaned\n");
    rmSync(directory, { recursive: true });
  }));

test("a child with much to say while it is being ended is not held up by that", () =>
  withoutChildren(async () => {
    const line = "trap 'head -c 2000000 /dev/zero; exit 9' TERM; echo up; while :; do sleep 0.05; done";
    await using child = await shell(line, 60_000);
    assert.equal(await readLine(child.stdout), "up");
    await child.close();
    assert.deepEqual(child.status, { code: 9, signal: undefined });
    assert.ok((await rejection(child.stdout.receive())) instanceof ClosedError);
  }));

test("close is idempotent, also while it is under way", () =>
  withoutChildren(async () => {
    await using child = await openProcess(["sleep", "100"]);
    await taskGroup((group) => {
      for (let index = 0; index < 3; index++) group.spawn(() => child.close());
    });
    await child.close();
    assert.deepEqual(child.status, { code: undefined, signal: "SIGTERM" });
  }));

test("a signal for the child alone does not reach what it has started", () =>
  withoutChildren(async () => {
    await using child = await shell("trap 'echo heard' USR1; sleep 100 & echo $!; wait; wait; wait");
    const grandchild = Number(await readLine(child.stdout));
    assert.equal(child.signal("SIGUSR1"), true);
    assert.equal(await readLine(child.stdout), "heard");
    assert.equal(isRunning(grandchild), true);
  }));

test("a signal that does not exist is a TypeError", () =>
  withoutChildren(async () => {
    await using child = await openProcess(["sleep", "100"]);
    assert.throws(() => child.kill("SIGNONE"), TypeError);
  }));

test("sending to a child that has closed its input is a BrokenError, and to one that this side has closed a ClosedError", () =>
  withoutChildren(async () => {
    await using child = await shell("exec <&-; echo closed; sleep 100");
    assert.equal(await readLine(child.stdout), "closed");
    const error = await rejection(
      (async () => {
        for (;;) await child.stdin.send(Buffer.alloc(10_000));
      })(),
    );
    assert.ok(error instanceof BrokenError);
    assert.match(
      error.message,
      /^send to standard input of \/bin\/sh \(pid \d+\): the connection was lost \(write EPIPE\)/,
    );
    await child.stdin.close();
    assert.ok((await rejection(child.stdin.send(Buffer.from("x")))) instanceof ClosedError);
  }));

test("withProcess gives what its body gives, and ends the child", () =>
  withoutChildren(async () => {
    const pid = await withProcess(["sleep", "100"], (child) => child.pid);
    assert.equal(isRunning(pid), false);
    const status = await withProcess(["sh", "-c", "exit 4"], function* (child) {
      return yield* until(child.wait());
    });
    assert.deepEqual(status, { code: 4, signal: undefined });
  }));

test("the error of a body is thrown unchanged, when its child is gone", () =>
  withoutChildren(async () => {
    const boom = new Error("boom");
    let pid = 0;
    const error = await rejection(
      withProcess(["sleep", "100"], (child) => {
        pid = child.pid;
        throw boom;
      }),
    );
    assert.equal(error, boom);
    assert.equal(isRunning(pid), false);
  }));

test("thirty children at a time leave nothing behind", () =>
  withoutChildren(() =>
    taskGroup((group) => {
      for (let index = 0; index < 30; index++) {
        group.spawn(async () => {
          await using child = await openProcess(["cat"]);
          await child.stdin.send(Buffer.from(String(index)));
          assert.equal(String(await child.stdout.receive()), String(index));
          if (index % 3 === 0) return;
          await child.stdin.close();
          if (index % 3 === 1) await child.wait();
        });
      }
    }),
  ));
