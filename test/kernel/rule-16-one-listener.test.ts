/** Rule 16: one listener for each bridged `AbortSignal`, gone when the wait settles. What the heap makes of it is measured in bench. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";
import {
  abortable,
  type CancelScope,
  type CancelScopeOptions,
  cancelScope,
  checkpoint,
  currentScope,
  isCancelled,
  run,
  shield,
  sleep,
  sleepForever,
  taskGroup,
} from "coppice";
import { VirtualLoop, waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { assertNothingOpen, virtually } from "../support/virtual.ts";

const MILLION = 1_000_000;

function listenerCount(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

/** The ways to give a signal to a region of code. */
const bridges: readonly { name: string; bridge: (body: () => unknown, signal: AbortSignal) => Promise<unknown> }[] = [
  { name: "cancelScope", bridge: (body, signal) => cancelScope(body, { signal }) },
  { name: "run inside run", bridge: (body, signal) => run(body, { signal }) },
];

for (const { name, bridge } of bridges) {
  test(`${name}: one listener during, none after a value, sync or not`, () =>
    virtually(async () => {
      const { signal } = new AbortController();
      const body = (): string => {
        assert.equal(listenerCount(signal), 1);
        return "value";
      };
      assert.equal(await bridge(body, signal), "value");
      assert.equal(listenerCount(signal), 0);
      const value = await bridge(async () => {
        await sleep(1);
        return body();
      }, signal);
      assert.equal(value, "value");
      assert.equal(listenerCount(signal), 0);
    }));

  test(`${name}: none after an error, thrown or rejected`, () =>
    virtually(async () => {
      const { signal } = new AbortController();
      const error = new Error("own");
      const thrown = bridge(() => {
        throw error;
      }, signal);
      assert.equal(await rejection(thrown), error);
      assert.equal(listenerCount(signal), 0);
      assert.equal(await rejection(bridge(() => sleep(1).then(() => Promise.reject(error)), signal)), error);
      assert.equal(listenerCount(signal), 0);
    }));

  test(`${name}: none after an abort, before or during`, () =>
    virtually(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const waiting = bridge(sleepForever, signal).catch((error: unknown) => assert.ok(isCancelled(error)));
      await waitAllTasksBlocked();
      assert.equal(listenerCount(signal), 1);
      controller.abort();
      assert.equal(listenerCount(signal), 0);
      await waiting;
      await bridge(sleepForever, signal).catch((error: unknown) => assert.ok(isCancelled(error)));
      assert.equal(listenerCount(signal), 0);
      assertNothingOpen();
    }));

  test(`${name}: none after a cancellation from outside, and one as long as the body cleans up`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { signal } = new AbortController();
        const task = group.spawn(() =>
          bridge(async () => {
            try {
              await sleepForever();
            } finally {
              await shield(() => sleep(10));
            }
          }, signal),
        );
        await waitAllTasksBlocked();
        task.cancel();
        assert.equal(listenerCount(signal), 1);
        await rejection(task);
        assert.equal(listenerCount(signal), 0);
      }),
    ));

  test(`${name}: a body that never settles keeps one listener, however many signals and scopes are around it`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const outer = new AbortController();
        const inner = new AbortController();
        const task = group.spawn(() => bridge(() => bridge(sleepForever, inner.signal), outer.signal));
        await waitAllTasksBlocked();
        assert.deepEqual([listenerCount(outer.signal), listenerCount(inner.signal)], [1, 1]);
        task.cancel();
        await rejection(task);
        assert.deepEqual([listenerCount(outer.signal), listenerCount(inner.signal)], [0, 0]);
      }),
    ));

  test(`${name}: those with one signal share a listener, which stays until the last is left`, () =>
    virtually(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      await taskGroup((group) => {
        for (const ms of [1, 2, 3]) {
          group.spawn(() =>
            bridge(async () => {
              await sleep(ms);
              assert.equal(listenerCount(signal), 1);
            }, signal),
          );
        }
      });
      assert.equal(listenerCount(signal), 0);
      const reasons: unknown[] = [];
      await taskGroup(async (group) => {
        for (let left = 3; left > 0; left--) {
          group.spawn(() =>
            bridge(async () => {
              const { reason } = await cancellation(sleepForever());
              reasons.push(reason);
            }, signal),
          );
        }
        await waitAllTasksBlocked();
        assert.equal(listenerCount(signal), 1);
        controller.abort("all");
      });
      assert.deepEqual(reasons, ["all", "all", "all"]);
      assert.equal(listenerCount(signal), 0);
    }));

  test(`${name}: what is no AbortSignal is refused, and nothing is left open`, () =>
    virtually(async () => {
      for (const signal of [new AbortController(), {}, null, "abort"] as unknown[]) {
        const error = await rejection(bridge(() => assert.fail("not called"), signal as AbortSignal));
        assert.ok(error instanceof TypeError);
        assert.match(error.message, /signal: expected an AbortSignal/);
      }
      assertNothingOpen();
    }));
}

test("run: one listener during, none afterwards, and what is no signal is refused", async () => {
  const { signal } = new AbortController();
  const loop = new VirtualLoop();
  await run(() => assert.equal(listenerCount(signal), 1), { loop, signal });
  assert.equal(listenerCount(signal), 0);
  const error = await rejection(run(() => assert.fail("not called"), { signal: {} as AbortSignal }));
  assert.ok(error instanceof TypeError);
});

test("cancelScope swallows the abort of its signal: undefined, cancelledCaught, and the reason is the signal's", () =>
  virtually(async () => {
    const controller = new AbortController();
    const reason = new Error("why");
    let scope: CancelScope | undefined;
    const waiting = cancelScope(
      async (opened) => {
        scope = opened;
        const error = await cancellation(sleepForever());
        assert.equal(error.reason, reason);
        assert.equal(error.scope, opened);
        throw error;
      },
      { signal: controller.signal },
    );
    await waitAllTasksBlocked();
    controller.abort(reason);
    assert.equal(await waiting, undefined);
    assert.equal(scope?.cancelCalled, true);
    assert.equal(scope?.cancelledCaught, true);
    assert.equal(scope?.reason, reason);
  }));

test("a signal that is aborted already cancels at entry: the body runs to its first checkpoint", () =>
  virtually(async () => {
    const options: CancelScopeOptions = { signal: AbortSignal.abort("why") };
    const log: unknown[] = [];
    const value = await cancelScope(async (scope) => {
      log.push(scope.isCancelled, scope.reason);
      await checkpoint();
      log.push("not reached");
    }, options);
    assert.equal(value, undefined);
    assert.deepEqual(log, [true, "why"]);
    assert.equal(await cancelScope(() => "finished first", options), "finished first");
  }));

test("an abort inside a shield inside of the scope waits for the shield", () =>
  virtually(async () => {
    const controller = new AbortController();
    const log: string[] = [];
    await cancelScope(
      async () => {
        await shield(async () => {
          controller.abort();
          await sleep(1);
          log.push("shielded");
        });
        await sleep(1);
        log.push("not reached");
      },
      { signal: controller.signal },
    );
    assert.deepEqual(log, ["shielded"]);
  }));

test("an abort after the end means nothing to the scope around", () =>
  virtually(async () => {
    const controller = new AbortController();
    await cancelScope(() => sleep(1), { signal: controller.signal });
    controller.abort();
    await checkpoint();
    assert.equal(currentScope().isCancelled, false);
  }));

test("an abandoned scope whose signal is aborted raises nothing", async () => {
  const controller = new AbortController();
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      void cancelScope(sleepForever, { signal: controller.signal });
      await sleep(1);
      controller.abort();
      await sleep(1);
    }),
  );
  assert.deepEqual(raised, []);
  assert.equal(listenerCount(controller.signal), 0);
});

test("a million scopes on one signal leave no listener, and never more than one", () =>
  virtually(async () => {
    const { signal } = new AbortController();
    const body = (): void => {};
    for (let round = 0; round < MILLION; round++) {
      await cancelScope(body, { signal });
      if (round % 100_000 === 0) await cancelScope(() => assert.equal(listenerCount(signal), 1), { signal });
    }
    assert.equal(listenerCount(signal), 0);
  }));

test("a million calls of abortable leave no listener on the scope's own signal", () =>
  virtually(async () => {
    const { signal } = currentScope();
    const listening = (own: AbortSignal): void => own.addEventListener("abort", () => {});
    for (let round = 0; round < MILLION; round++) await abortable(listening);
    assert.equal(listenerCount(signal), 0);
    assertNothingOpen();
  }));

test("abortable on a bridged signal: one listener on each, whatever the function does", () =>
  virtually(async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const value = await cancelScope(
      () =>
        abortable(async (own) => {
          own.addEventListener("abort", () => {});
          seen.push(listenerCount(controller.signal), listenerCount(own));
          controller.abort("why");
          seen.push(listenerCount(controller.signal));
          own.throwIfAborted();
        }),
      { signal: controller.signal },
    );
    assert.equal(value, undefined);
    assert.deepEqual(seen, [1, 1, 0]);
  }));
