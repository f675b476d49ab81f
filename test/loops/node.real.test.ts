/** Node's loop: real time, and when it holds the process open. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import test from "node:test";
import { currentLoop, moveOnAfter, run, sleep, withTimeout } from "coppice";
import { runProgram } from "../support/program.ts";

test("a sleep is never shorter than asked for", () =>
  run(async () => {
    for (const ms of [0, 0.5, 1, 3, 10]) {
      const before = performance.now();
      await sleep(ms);
      assert.ok(performance.now() - before >= ms);
    }
  }));

test("timers fire in the order of their deadlines, however they were armed", () =>
  run(async () => {
    const loop = currentLoop();
    const order: number[] = [];
    const now = loop.time();
    const delays = [30, 10, 20, 5, 15];
    await new Promise<void>((resolve) => {
      for (const ms of delays) {
        loop.callAt(now + ms, () => {
          order.push(ms);
          if (order.length === delays.length) resolve();
        });
      }
    });
    assert.deepEqual(order, [5, 10, 15, 20, 30]);
  }));

test("a timer past 2^31 ms does not fire at once, and can be cancelled", () =>
  run(async () => {
    const value = await moveOnAfter(20, () => sleep(2 ** 31 + 1_000).then(() => "fired"));
    assert.equal(value, undefined);
    assert.equal(await withTimeout(2 ** 40, () => sleep(5).then(() => "value")), "value");
  }));

test("callAt never calls synchronously, and cancel is idempotent", () =>
  run(async () => {
    const loop = currentLoop();
    const log: string[] = [];
    loop.callAt(loop.time() - 1_000, () => log.push("past"));
    const timer = loop.callAt(loop.time() + 1, () => log.push("cancelled"));
    timer.cancel();
    timer.cancel();
    assert.deepEqual(log, []);
    await sleep(5);
    assert.deepEqual(log, ["past"]);
  }));

test("callbacks of afterTurn run once the microtasks of the turn have run dry, in order", () =>
  run(async () => {
    const log: string[] = [];
    const loop = currentLoop();
    loop.afterTurn(() => log.push("first"));
    loop.afterTurn(() => log.push("second"));
    for (let step = 0; step < 50; step++) await Promise.resolve();
    assert.deepEqual(log, []);
    await sleep(0);
    assert.deepEqual(log, ["first", "second"]);
  }));

test("timers do not keep the context of the task that armed them", () =>
  run(async () => {
    const storage = new AsyncLocalStorage<string>();
    let seen: string | undefined = "not called";
    const loop = currentLoop();
    storage.run("a task's", () => {
      loop.callAt(loop.time() + 1, () => {
        seen = storage.getStore();
      });
    });
    await sleep(5);
    assert.equal(seen, undefined);
  }));

test("a finished withTimeout does not hold the process open", async () => {
  const ended = await runProgram(`
    import { run, sleep, withTimeout } from "coppice";
    await run(() => withTimeout(60_000, () => sleep(1)));
    await withTimeout(60_000, () => sleep(1));
    console.log("done");
  `);
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, "done\n", ""]);
});

test("a sleep that is waited for holds the process open, also after others were cancelled", async () => {
  const ended = await runProgram(`
    import { moveOnAfter, run, sleep, withTimeout } from "coppice";
    await run(async () => {
      await withTimeout(60_000, () => sleep(1));
      await moveOnAfter(1, () => sleep(60_000));
      await sleep(20);
      await withTimeout(10, () => sleep(1));
      await sleep(20);
    });
    console.log("done");
  `);
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, "done\n", ""]);
});

test("a failure in an abandoned group ends the process, a cancellation does not", async () => {
  const failed = await runProgram(`
    import { sleep, taskGroup } from "coppice";
    void taskGroup((group) => {
      group.spawn(async () => {
        await sleep(1);
        throw new Error("in an abandoned group");
      });
    });
  `);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /in an abandoned group/);
  const cancelled = await runProgram(`
    import { run, sleepForever, taskGroup } from "coppice";
    void run(() => taskGroup((group) => {
      group.spawn(sleepForever);
    }), { signal: AbortSignal.abort("why") });
  `);
  assert.deepEqual([cancelled.code, cancelled.stderr], [0, ""]);
});

test("a task that swallows its cancellation and spins warns once on the standard error, and input is still read", async () => {
  const ended = await runProgram(`
    import { checkpoint, moveOnAfter } from "coppice";
    let isOver = false;
    await moveOnAfter(1, async () => {
      setTimeout(() => { isOver = true; }, 50);
      while (!isOver) await checkpoint().catch(() => {});
    });
    console.log("done");
  `);
  assert.equal(ended.stdout, "done\n");
  assert.equal(ended.stderr.split("COPPICE_SWALLOWED_CANCELLATION").length, 2, ended.stderr);
});

test("what waits for ever holds nothing open by itself, and is reported when nothing else is left", async () => {
  const ended = await runProgram(`
    import { run, sleepForever } from "coppice";
    void run(sleepForever);
  `);
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /DeadlockError: every task is blocked[\s\S]*task "sleepForever" waits/);
});

test("a process ends though a connection was aborted in the moment when its end was being sent", async () => {
  const ended = await runProgram(`
    import { run } from "coppice";
    import { listen, openTcp } from "coppice/net";
    await run(async () => {
      const listener = await listen({ port: 0 });
      const client = await openTcp(listener.address);
      const server = await listener.accept();
      await listener.close();
      void client.close();
      client.abort();
      for await (const bytes of server) throw new Error("unexpected " + bytes);
      server.abort();
    });
    console.log("over");
  `);
  assert.deepEqual([ended.code, ended.stdout], [0, "over\n"]);
});
