/** Child processes and their pipes when things go wrong: while one does, another that is talked to all along is not disturbed. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, currentLoop, moveOnAfter, sleep, taskGroup, withTimeout } from "coppice";
import { stapled } from "coppice/net";
import { openProcess, runProcess, SpawnError, type Subprocess } from "coppice/process";
import { harmless, withBystander } from "../support/faults-guard.ts";
import { children, gone, isRunning, readLine } from "../support/processes.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import {
  assertBroken,
  assertBusy,
  assertClosed,
  assertTimedOut,
  bytesOf,
  fill,
  flood,
  pattern,
  readAll,
} from "./streams-at-work.ts";

const MOMENT_MS = 15;

type Piped = Subprocess<"pipe", "pipe", "inherit">;

/** Calls `body` with a child that runs a line of the shell, while another one echoes; nothing may be left of either. */
function withChild(line: string, body: (child: Piped) => Promise<void>, graceMs = 50): Promise<void> {
  return harmless(async () => {
    await using cat = await openProcess(["cat"]);
    await taskGroup(async () => {
      await withBystander(
        // Both ends of the echo are this one: what `cat` says is what it was told.
        async () => [stapled(cat.stdin, cat.stdout), SILENT],
        async () => {
          await using child = await openProcess(line, { shell: true, graceMs });
          await body(child);
        },
      );
    });
    await cat.close();
    assert.deepEqual(children(), []);
  });
}

/** The server of a bystander that needs none. */
const SILENT = stapled(
  {
    send: async () => {},
    close: async () => {},
    abort: () => {},
    [Symbol.asyncDispose]: async () => {},
  },
  {
    receive: async () => undefined,
    close: async () => {},
    abort: () => {},
    [Symbol.asyncDispose]: async () => {},
    async *[Symbol.asyncIterator]() {},
  },
);

test("a send to a child that reads nothing is cancelled, and sends nothing of itself", () =>
  withChild("read go; cat", async ({ stdin, stdout }) => {
    await stdin.send(bytesOf("go\n"));
    const sent = await fill(stdin).catch(() => assert.fail("the child was gone"));
    await taskGroup(async (group) => {
      group.spawn(() => stdin.close());
      assert.ok((await readAll(stdout)).equals(pattern(sent)));
    });
  }));

test("a receive from a child that says nothing is cancelled, and loses nothing", () =>
  withChild("cat", async ({ stdin, stdout }) => {
    for (let round = 0; round < 5; round++) {
      assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => stdout.receive())), MOMENT_MS);
      await stdin.send(bytesOf(`${round}\n`));
      assert.equal(await readLine(stdout), String(round));
    }
  }));

test("a child that closes its input is a BrokenError for who sends, and what it says is still to be had", () =>
  withChild("exec <&-; sleep 0.1; echo still here", async ({ stdin, stdout }) => {
    assertBroken(await rejection(flood(stdin)), "send");
    assertBroken(await rejection(stdin.send(bytesOf("x"))), "send");
    assert.equal(await readLine(stdout), "still here");
  }));

test("a child that is killed from outside in the middle of everything ends sends, receives and waits", () =>
  withChild("cat >/dev/null", async (child) => {
    const sending = rejection(flood(child.stdin));
    const receiving = child.stdout.receive();
    const waiting = child.wait();
    await sleep(MOMENT_MS);
    process.kill(child.pid, "SIGKILL");
    child.kill();
    assertBroken(await sending, "send");
    assert.equal(await receiving, undefined);
    assert.deepEqual(await waiting, { code: undefined, signal: "SIGKILL" });
  }));

test("a child that writes for ever is held back, and ended by its block", () =>
  withChild("yes", async (child) => {
    await child.stdout.receive();
    await sleep(MOMENT_MS);
    assert.equal(isRunning(child.pid), true);
  }));

test("a child that ignores SIGTERM and writes for ever is killed after the grace period", () =>
  withChild("trap '' TERM; yes", async (child) => {
    await child.stdout.receive();
    await child.close();
    assert.equal(child.status?.signal ?? "SIGKILL", "SIGKILL");
    assert.equal(isRunning(child.pid), false);
  }));

test("a child that ignores SIGTERM and is in nobody's hands any more is gone when its cancelled scope is left", () =>
  withChild("true", async () => {
    let pid = 0;
    await cancelScope(async (scope) => {
      await using stubborn = await openProcess("trap '' TERM; echo up; while :; do sleep 1; done", {
        shell: true,
        graceMs: MOMENT_MS,
      });
      pid = stubborn.pid;
      await readLine(stubborn.stdout);
      const sending = cancellation(flood(stubborn.stdin));
      scope.cancel();
      assert.equal((await sending).scope, scope);
    });
    assert.equal(isRunning(pid), false);
  }));

test("a grandchild that holds the pipe keeps its end open, and the end of the child is told all the same", () =>
  withChild("sleep 100 & echo $!", async (child) => {
    const grandchild = Number(await readLine(child.stdout));
    assert.deepEqual(await child.wait(), { code: 0, signal: undefined });
    assertTimedOut(await rejection(withTimeout(MOMENT_MS, () => child.stdout.receive())), MOMENT_MS);
    await child.close();
    assertClosed(await rejection(child.stdout.receive()), "receive from");
    await gone(grandchild);
  }));

test("a grandchild that left the group and holds the pipe does not hold up the close", () =>
  withChild("setsid sh -c 'echo $$; exec sleep 100' & wait", async (child) => {
    const grandchild = Number(await readLine(child.stdout));
    await child.close();
    assertClosed(await rejection(child.stdout.receive()), "receive from");
    assert.equal(isRunning(grandchild), true);
    process.kill(grandchild, "SIGKILL");
    await gone(grandchild);
  }));

test("close and abort wake who sends to a child and who receives from it", () =>
  withChild("sleep 100", async ({ stdin, stdout }) => {
    const [sending, receiving] = [rejection(flood(stdin)), rejection(stdout.receive())];
    const loop = currentLoop();
    loop.callAt(loop.time() + MOMENT_MS, () => {
      stdin.abort();
      stdout.abort();
    });
    assertClosed(await sending, "send to");
    assertClosed(await receiving, "receive from");
  }));

test("a second user of a pipe is busy", () =>
  withChild("sleep 0.05; echo for the first", async ({ stdin, stdout }) => {
    const receiving = stdout.receive();
    assertBusy(await rejection(stdout.receive()), "receiving from");
    assert.equal(String(Buffer.from((await receiving) ?? [])), "for the first\n");
    await stdin.close();
  }));

test("a hundred starts that fail leave nothing", () =>
  withChild("true", async () => {
    for (let count = 0; count < 100; count++) {
      assert.ok((await rejection(openProcess([`/no/such/${count}`]))) instanceof SpawnError);
    }
  }));

test("starts that are cancelled at every moment leave nothing", () =>
  withChild("true", async () => {
    for (let ms = 0; ms < 12; ms++) {
      await moveOnAfter(ms / 2, () =>
        runProcess("cat; sleep 100 & wait", { shell: true, input: "x".repeat(200_000), graceMs: 1 }),
      );
      await moveOnAfter(ms, async () => {
        await using child = await openProcess(["yes"]);
        for await (const _ of child.stdout);
      });
    }
    assert.equal(children().length, 1);
  }));

for (const [name, stdio] of [
  ["closed", "<&-"],
  ["at its end", "</dev/null"],
  ["a folder", "</tmp"],
  ["open for writing only", "0>/dev/null"],
] as const) {
  test(`a program whose standard input is ${name} ends, with the end of the file or an error that has a name`, async () => {
    const { stdout, code } = await runStandard(`exec "$0" "$@" ${stdio}`);
    assert.equal(code, 0);
    assert.match(stdout, /^(end of file|BrokenError BROKEN receive from standard input: it cannot be read \(.+\))\n$/);
  });
}

async function runStandard(line: string): Promise<{ stdout: string; code: number | undefined }> {
  const program = `${import.meta.dirname}/standard-reader.ts`;
  return runProcess(["sh", "-c", line, process.execPath, "--conditions=coppice-source", program], {
    check: false,
    timeoutMs: 15_000,
  });
}
