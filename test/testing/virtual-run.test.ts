import assert from "node:assert/strict";
import test from "node:test";
import {
  cancelScope,
  currentLoop,
  DeadlockError,
  Event,
  InvalidStateError,
  run,
  shield,
  sleep,
  sleepForever,
  taskGroup,
  until,
} from "coppice";
import { openTcp } from "coppice/net";
import { currentNetwork, VirtualLoop, virtualRun, waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("time begins at 0 and jumps", async () => {
  await virtualRun(async () => {
    assert.equal(currentLoop().time(), 0);
    await sleep(24 * 60 * 60 * 1_000);
    assert.equal(currentLoop().time(), 86_400_000);
  });
});

test("it gives the value and throws the error of its function", async () => {
  assert.equal(await virtualRun(() => "value"), "value");
  const error = new Error("own");
  assert.equal(await rejection(virtualRun(() => Promise.reject(error))), error);
});

test("when every task is blocked for good, the run is cancelled and rejects with DeadlockError", async () => {
  const log: string[] = [];
  const error = await rejection(
    virtualRun(() =>
      taskGroup(async (group) => {
        group.spawn(() => new Event().wait().finally(() => log.push("child")));
        await sleepForever().finally(() => log.push("body"));
      }),
    ),
  );
  assert.ok(error instanceof DeadlockError);
  assert.equal(error.code, "DEADLOCK");
  assert.match(error.message, /every task is blocked/);
  assert.deepEqual(log.sort(), ["body", "child"]);
});

test("a scope inside does not swallow a deadlock", async () => {
  assert.ok((await rejection(virtualRun(() => cancelScope(sleepForever)))) instanceof DeadlockError);
});

test("a pending timer is no deadlock, a cancelled one does not count", async () => {
  await virtualRun(() =>
    taskGroup((group) => {
      const event = new Event();
      group.spawn(async () => {
        await sleep(1_000);
        event.set();
      });
      group.spawn(() => event.wait());
    }),
  );
  const error = await rejection(
    virtualRun(async () => {
      await cancelScope(async (scope) => {
        scope.deadline = 1_000;
        scope.deadline = Infinity;
        await sleepForever();
      });
    }),
  );
  assert.ok(error instanceof DeadlockError);
});

test("cleanup after a deadlock may wait", async () => {
  let isClean = false;
  const error = await rejection(
    virtualRun(async () => {
      try {
        await sleepForever();
      } finally {
        await shield(() => sleep(10));
        isClean = true;
      }
    }),
  );
  assert.ok(error instanceof DeadlockError);
  assert.ok(isClean);
});

test("of two runs on one loop, the one that is stuck is told, whichever began first", async () => {
  for (const isFirst of [true, false]) {
    const loop = new VirtualLoop();
    const stuck = (): Promise<unknown> => rejection(run(sleepForever, { loop }));
    const busy = (): Promise<unknown> => run(() => sleep(10).then(() => "done"), { loop });
    const outcomes = await Promise.all(isFirst ? [stuck(), busy()] : [busy(), stuck()]);
    if (!isFirst) outcomes.reverse();
    assert.ok(outcomes[0] instanceof DeadlockError);
    assert.equal(outcomes[1], "done");
  }
});

test("waitAllTasksBlocked returns when the others can go no further, before the clock jumps", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      group.spawn(async () => {
        for (let step = 0; step < 100; step++) await Promise.resolve();
        await sleep(0);
        log.push("as far as it goes");
        await sleep(5);
        log.push("later");
      });
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["as far as it goes"]);
      assert.equal(currentLoop().time(), 0);
      await sleep(5);
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["as far as it goes", "later"]);
    }),
  ));

test("several that wait for all to be blocked go one after the other", () =>
  virtually(() =>
    taskGroup((group) => {
      const log: string[] = [];
      for (const name of "ab") {
        group.spawn(async () => {
          await waitAllTasksBlocked();
          log.push(name);
          await sleep(0);
          log.push(name);
          if (name === "b") assert.equal(log.join(""), "aabb");
        });
      }
    }),
  ));

test("outside of a virtual run, waitAllTasksBlocked says so", async () => {
  assert.ok((await rejection(waitAllTasksBlocked())) instanceof InvalidStateError);
  assert.ok((await rejection(run(waitAllTasksBlocked))) instanceof InvalidStateError);
});

test("the same seed draws the same numbers, on a loop as in a run", async () => {
  const draw = (seed: number): Promise<number[]> =>
    virtualRun(() => Array.from({ length: 5 }, () => currentLoop().random()), { seed });
  assert.deepEqual(await draw(1), await draw(1));
  assert.notDeepEqual(await draw(1), await draw(2));
  for (const number of await draw(3)) assert.ok(number >= 0 && number < 1);
});

test("a deadlock behind a shield ends the run too", async () => {
  assert.ok((await rejection(virtualRun(() => shield(sleepForever)))) instanceof DeadlockError);
});

test("a deadlock report says what the host is busy with, which the loop cannot see", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const error = await rejection(
    virtualRun(() => {
      timer = setTimeout(resolve, 60_000);
      return until(promise);
    }),
  );
  clearTimeout(timer);
  assert.ok(error instanceof DeadlockError);
  assert.match(error.message, /the host is busy with a timer of the host \(with hostTimers/);
  const idle = (await rejection(virtualRun(() => until(promise)))) as DeadlockError;
  assert.match(idle.message, /nobody sets, sends or closes/);
});

test("the network of a virtual run is at hand, and there is none outside", () => {
  assert.throws(currentNetwork, /InvalidStateError: currentNetwork\(\) works in virtualRun\(\) only/);
  return virtualRun(async () => {
    currentNetwork().hosts.set("service.test", ["192.0.2.1"]);
    currentNetwork().routes.set("192.0.2.1", { fails: "ECONNREFUSED" });
    await assert.rejects(openTcp({ host: "service.test", port: 80 }), /192\.0\.2\.1.*ECONNREFUSED/);
  });
});
