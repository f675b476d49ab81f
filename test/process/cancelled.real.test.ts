/** Subprocesses whose scope is cancelled, at each moment. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  cancelScope,
  currentLoop,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  taskGroup,
  withTimeout,
} from "coppice";
import { openProcess, runPipeline, runProcess, withProcess } from "coppice/process";
import { children, isRunning, readLine, shell, withoutChildren } from "../support/processes.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";

const starts = {
  openProcess: () => openProcess(["sleep", "100"]),
  withProcess: () => withProcess(["sleep", "100"], (child) => child.wait()),
  runProcess: () => runProcess(["sleep", "100"]),
  runPipeline: () => runPipeline([["sleep", "100"], ["cat"]]),
};

for (const [name, start] of Object.entries(starts)) {
  test(`${name}: cancelled before, it starts nothing`, () =>
    withoutChildren(async () => {
      await cancelScope(async (scope) => {
        scope.cancel();
        await assertCancelledBy(scope, start());
        assert.deepEqual(children(), []);
      });
    }));

  if (name === "openProcess") continue;

  test(`${name}: abandoned and cancelled, it raises no unhandled rejection and leaves nothing behind`, () =>
    withoutChildren(async () => {
      const reasons = await unhandledDuring(() =>
        cancelScope(async (scope) => {
          void start();
          scope.cancel();
          await shield(async () => {
            do await sleep(5);
            while (children().length > 0);
          });
        }),
      );
      assert.deepEqual(reasons, []);
    }));
}

test("openProcess: cancelled in the tick of its start, the child is handed over and ended by its block", () =>
  withoutChildren(() =>
    cancelScope(async (scope) => {
      const starting = openProcess(["sleep", "100"]);
      scope.cancel();
      await using child = await starting;
      await assertCancelledBy(scope, child.wait());
    }),
  ));

for (const delayMs of [0, 1, 3, 10, 30]) {
  test(`runProcess: cancelled after ${delayMs} ms, whatever it is doing then, all is gone when it settles`, () =>
    withoutChildren(async () => {
      const line = "sleep 100 & cat >/dev/null; echo read; sleep 100";
      await moveOnAfter(delayMs, () => runProcess(line, { shell: true, input: "x".repeat(500_000) }));
      assert.deepEqual(children(), []);
    }));

  test(`runPipeline: cancelled after ${delayMs} ms, all is gone when it settles`, () =>
    withoutChildren(async () => {
      await moveOnAfter(delayMs, () => runPipeline([["yes"], ["cat"], ["sh", "-c", "cat >/dev/null"]]));
      assert.deepEqual(children(), []);
    }));
}

test("a wait that is cancelled leaves the child alone", () =>
  withoutChildren(async () => {
    await using child = await openProcess(["sleep", "100"]);
    assert.equal(await moveOnAfter(5, () => child.wait()), undefined);
    assert.equal(isRunning(child.pid), true);
  }));

test("a block that is cancelled ends the child and its grandchildren before the scope is left", () =>
  withoutChildren(async () => {
    let pids: number[] = [];
    await cancelScope(async (scope) => {
      await using child = await shell("sleep 100 & echo $!; wait");
      pids = [child.pid, Number(await readLine(child.stdout))];
      scope.cancel();
      await child.wait();
    });
    assert.deepEqual(pids.map(isRunning), [false, false]);
  }));

test("a child that ignores SIGTERM is killed though the scope around is cancelled long since", () =>
  withoutChildren(async () => {
    let status: unknown;
    await cancelScope(async (scope) => {
      const child = await shell("trap '' TERM; echo up; while :; do sleep 1; done", 30);
      await readLine(child.stdout);
      scope.cancel();
      await assertCancelledBy(scope, child.close());
      status = child.status;
    });
    assert.deepEqual(status, { code: undefined, signal: "SIGKILL" });
  }));

test("a child that takes its time to end has it, though a deadline is over", () =>
  withoutChildren(async () => {
    let status: unknown;
    const error = await rejection(
      withTimeout(60_000, async (scope) => {
        const child = await shell("trap 'sleep 0.2; exit 5' TERM; echo up; while :; do sleep 0.01; done");
        await using _ = child;
        await readLine(child.stdout);
        scope.deadline = currentLoop().time() + 5;
        try {
          await sleepForever();
        } finally {
          await child.close().catch((caught) => assert.ok(isCancelled(caught)));
          status = child.status;
        }
      }),
    );
    assert.equal((error as Error).name, "TimeoutError");
    assert.deepEqual(status, { code: 5, signal: undefined });
  }));

test("one of two tasks that share a scope fails: the other one's program is gone when the error comes out", () =>
  withoutChildren(async () => {
    const boom = new Error("boom");
    let pid = 0;
    const error = await rejection(
      taskGroup((group) => {
        group.spawn(() =>
          withProcess(["sleep", "100"], async (child) => {
            pid = child.pid;
            await child.wait();
          }),
        );
        group.spawn(async () => {
          await sleep(20);
          throw boom;
        });
      }),
    );
    assert.equal(error, boom);
    assert.equal(isRunning(pid), false);
  }));

test("shielded, a program comes to its end", () =>
  withoutChildren(() =>
    cancelScope(async (scope) => {
      const { stdout } = await shield(() => {
        scope.cancel();
        return runProcess("sleep 0.05; echo done", { shell: true });
      });
      assert.equal(stdout, "done\n");
    }),
  ));

test("an outer cancellation passes the scopes in between", () =>
  withoutChildren(async () => {
    await cancelScope(async (outer) => {
      await cancelScope(async () => {
        const running = runProcess(["sleep", "100"]);
        outer.cancel();
        await running;
      });
      assert.fail("the inner scope swallowed what was not its own");
    });
  }));

test("a body that has its result keeps it, though it was cancelled meanwhile", () =>
  withoutChildren(async () => {
    const value = await cancelScope((scope) =>
      withProcess(["sleep", "100"], () => {
        scope.cancel();
        return "result";
      }),
    );
    assert.equal(value, "result");
  }));

test("sending to a child that does not read, and receiving from one that does not write, can be cancelled", () =>
  withoutChildren(async () => {
    await using child = await openProcess(["sleep", "100"]);
    let sent = 0;
    await moveOnAfter(50, async () => {
      for (; ; sent++) await child.stdin.send(Buffer.alloc(50_000));
    });
    assert.ok(sent > 0);
    assert.equal(await moveOnAfter(5, () => child.stdout.receive()), undefined);
    assert.equal(await moveOnAfter(5, () => child.stdin.close().then(() => "flushed")), undefined);
    await child.close();
    assert.equal(isRunning(child.pid), false);
  }));
