/** Rule 18: ambient by default, explicit when wanted. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";
import {
  abortable,
  cancelScope,
  channel,
  checkpoint,
  currentLoop,
  currentScope,
  currentTask,
  Event,
  InvalidStateError,
  isCancelled,
  moveOnAfter,
  run,
  shield,
  sleep,
  sleepForever,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { VirtualLoop, virtualRun, waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("primitives work outside of run", async () => {
  await checkpoint();
  await sleep(1);
  assert.equal(await until(Promise.resolve("value")), "value");
  assert.equal(await abortable((signal) => signal.aborted), false);
  assert.equal(await withTimeout(1_000, () => "value"), "value");
  assert.equal(await moveOnAfter(1, sleepForever), undefined);
  assert.equal(await shield(() => "value"), "value");
  const event = new Event();
  const [sender, receiver] = channel<number>(0);
  const sum = await taskGroup(async (group) => {
    group.spawn(() => sender.send(1));
    const task = group.spawn(() => receiver.receive());
    event.set();
    await event.wait();
    return (await task) + 1;
  });
  assert.equal(sum, 2);
});

test("outside of run nothing can be cancelled, and trying says so", async () => {
  const scope = currentScope();
  assert.equal(scope.name, "outside of run");
  assert.equal(currentTask(), undefined);
  assert.equal(scope.deadline, Infinity);
  assert.throws(() => scope.cancel(), InvalidStateError);
  assert.throws(() => scope.stop({ graceMs: 0 }), InvalidStateError);
  assert.throws(() => {
    scope.deadline = 1;
  }, InvalidStateError);
  await cancelScope(async (opened) => {
    opened.cancel();
    await assert.rejects(checkpoint(), isCancelled);
  });
  await checkpoint();
});

test("a run inside a run is a child of the current scope", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      const loop = currentLoop();
      const inner = run(async () => {
        assert.equal(currentLoop(), loop);
        await sleepForever();
      });
      scope.cancel();
      assert.equal((await cancellation(inner)).scope, scope);
    });
    assert.equal(await run(() => "value", { loop: currentLoop() }), "value");
  }));

test("asking a run inside a run for another loop is an error", () =>
  virtually(async () => {
    const error = await rejection(run(() => assert.fail("not called"), { loop: new VirtualLoop() }));
    assert.ok(error instanceof InvalidStateError);
    assert.ok((await rejection(virtualRun(() => assert.fail("not called")))) instanceof InvalidStateError);
  }));

test("two runs side by side are apart, on one loop as on two", async () => {
  const loop = new VirtualLoop();
  const [first, second] = await Promise.all([
    run(() => sleep(10).then(() => currentScope().cancelCalled), { loop }),
    rejection(
      run(
        async () => {
          currentScope().cancel("mine");
          await checkpoint();
        },
        { loop },
      ),
    ),
  ]);
  assert.equal(first, false);
  assert.ok(isCancelled(second));
});

test("run rejects with the very error of its function", async () => {
  const error = new Error("own");
  assert.equal(await rejection(virtualRun(() => Promise.reject(error))), error);
  assert.equal(
    await rejection(
      virtualRun(() => {
        throw error;
      }),
    ),
    error,
  );
});

for (const isNested of [false, true]) {
  const where = isNested ? "a run inside a run" : "run";
  const start: typeof run = (fn, options) =>
    isNested ? virtually(() => run(fn, options)) : run(fn, { loop: new VirtualLoop(), ...options });

  test(`${where} with a signal that is aborted already still runs to the first checkpoint`, async () => {
    const log: string[] = [];
    const error = await cancellation(
      start(
        async () => {
          log.push("started");
          await checkpoint();
          log.push("not reached");
        },
        { signal: AbortSignal.abort("why") },
      ),
    );
    assert.equal(error.reason, "why");
    assert.deepEqual(log, ["started"]);
  });

  test(`${where} with a signal that is aborted meanwhile rejects with a Cancelled that has its reason`, async () => {
    const controller = new AbortController();
    const reason = new Error("why");
    const log: string[] = [];
    const running = cancellation(
      start(
        () =>
          taskGroup(async (group) => {
            group.spawn(() => sleepForever().finally(() => log.push("cleanup")));
            await waitAllTasksBlocked();
            controller.abort(reason);
            await sleepForever();
          }),
        { signal: controller.signal },
      ),
    );
    const error = await running;
    assert.equal(error.reason, reason);
    assert.deepEqual(log, ["cleanup"]);
    assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  });

  test(`${where} keeps its value when it finishes first, and the signal means nothing afterwards`, async () => {
    const controller = new AbortController();
    const value = await start(
      () => {
        assert.equal(getEventListeners(controller.signal, "abort").length, 1);
        return "value";
      },
      { signal: controller.signal },
    );
    assert.equal(value, "value");
    assert.equal(getEventListeners(controller.signal, "abort").length, 0);
    controller.abort();
  });

  test(`${where} removes its listener when its function fails`, async () => {
    const controller = new AbortController();
    const error = new Error("own");
    const thrown = await rejection(start(() => Promise.reject(error), { signal: controller.signal }));
    assert.equal(thrown, error);
    assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  });

  test(`${where} keeps the value of a function that ends in spite of the abort`, async () => {
    const controller = new AbortController();
    const value = await start(
      () => {
        controller.abort();
        return "value";
      },
      { signal: controller.signal },
    );
    assert.equal(value, "value");
  });
}

test("what is ambient survives every kind of await", () =>
  virtually(() =>
    taskGroup(async (group) => {
      await cancelScope(async (scope) => {
        const task = group.spawn(() => sleep(1));
        await task;
        assert.equal(currentScope(), scope);
        await Promise.resolve();
        assert.equal(currentScope(), scope);
        await waitAllTasksBlocked();
        assert.equal(currentScope(), scope);
      });
    }),
  ));

test("a run inside a run waits for what was started in it and not awaited", () =>
  virtually(async () => {
    const log: string[] = [];
    await run(() => {
      void taskGroup((group) => {
        group.spawn(async () => {
          await sleep(10);
          log.push("stray");
        });
      });
    });
    log.push("run");
    assert.deepEqual(log, ["stray", "run"]);
  }));

test("a wait that was never awaited ends with its run", async () => {
  let wait: Promise<void> | undefined;
  await virtualRun(() => {
    wait = sleep(60_000);
  });
  assert.ok(isCancelled(await rejection(wait as Promise<void>)));
});
