import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";
import { abortable, type CancelScope, cancelScope, currentScope, isCancelled, shield, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { currentNode } from "../../src/kernel/scope.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** As a well-behaved function with a signal: rejects with the signal's reason. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

test("it gives the value of the function, which may be synchronous", () =>
  virtually(async () => {
    assert.equal(await abortable(async () => "value"), "value");
    assert.equal(await abortable(() => "value"), "value");
  }));

test("it throws the function's own error, unchanged, thrown or rejected", () =>
  virtually(async () => {
    const error = new Error("own");
    assert.equal(await rejection(abortable(() => Promise.reject(error))), error);
    assert.equal(
      await rejection(
        abortable(() => {
          throw error;
        }),
      ),
      error,
    );
  }));

for (const [name, makeError] of [
  ["the signal's reason", (signal) => signal.reason],
  ["a DOMException named AbortError", () => new DOMException("This operation was aborted", "AbortError")],
  ["an error with the code ABORT_ERR", () => Object.assign(new Error("aborted"), { code: "ABORT_ERR" })],
] as [string, (signal: AbortSignal) => unknown][]) {
  test(`an abort becomes the scope's Cancelled: ${name}`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        let scope!: CancelScope;
        const task = group.spawn(() =>
          cancelScope(async (opened) => {
            scope = opened;
            const error = await cancellation(
              abortable((signal) => untilAborted(signal).catch(() => Promise.reject(makeError(signal)))),
            );
            assert.equal(error.scope, opened);
            assert.equal(error.reason, "why");
            return "checked";
          }),
        );
        await waitAllTasksBlocked();
        scope.cancel("why");
        assert.equal(await task, "checked");
      }),
    ));
}

test("an abort of the function's own making, without a cancellation, is an error like any other", () =>
  virtually(async () => {
    const error = new DOMException("its own timeout", "AbortError");
    assert.equal(await rejection(abortable(() => Promise.reject(error))), error);
  }));

test("a real error that comes during the abort is kept", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const error = new Error("failed to clean up");
      const task = group.spawn(() =>
        rejection(
          abortable((signal) =>
            untilAborted(signal).catch(() => {
              throw error;
            }),
          ),
        ),
      );
      await waitAllTasksBlocked();
      task.cancel();
      assert.equal(await task, error);
    }),
  ));

test("it waits until the function has settled, aborted or not", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      const task = group.spawn(async () => {
        try {
          await abortable(async (signal) => {
            await untilAborted(signal).catch(() => {});
            await shield(() => sleep(10));
            log.push("function over");
            throw signal.reason;
          });
        } finally {
          log.push("wait over");
        }
      });
      await waitAllTasksBlocked();
      task.cancel();
      await rejection(task);
      assert.deepEqual(log, ["function over", "wait over"]);
    }),
  ));

test("the signal is aborted with the Cancelled, after the whole tree was told", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const seen: unknown[] = [];
      await cancelScope(async (scope) => {
        const waiting = abortable((signal) => {
          signal.addEventListener("abort", () => {
            seen.push(signal.reason, scope.isCancelled);
          });
          return untilAborted(signal);
        });
        scope.cancel("why");
        await rejection(waiting);
      });
      assert.ok(isCancelled(seen[0]));
      assert.equal(seen[0].reason, "why");
      assert.equal(seen[1], true);
      group.cancelAll();
    }),
  ));

test("a listener that cancels other scopes while the tree is told does no harm", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const other = group.spawn(() => sleep(1_000));
      const task = group.spawn(() =>
        abortable((signal) => {
          signal.addEventListener("abort", () => other.cancel("from a listener"));
          return untilAborted(signal);
        }),
      );
      await waitAllTasksBlocked();
      task.cancel();
      assert.equal((await cancellation(other)).reason, "from a listener");
    }),
  ));

test("20,000 calls on one scope leave no waiter, no listener and no signal behind", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      let last: AbortSignal | undefined;
      for (let round = 0; round < 20_000; round++) {
        await abortable((signal) => {
          last = signal;
          signal.addEventListener("abort", () => {});
        });
      }
      assert.equal(currentNode().firstWaiter, null);
      scope.cancel();
      assert.equal(last?.aborted, false, "the call was over");
    });
  }));

test("the scope's own signal is one and the same, and is aborted with the scope", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      const { signal } = currentScope();
      assert.equal(signal, scope.signal);
      const waiting = untilAborted(signal);
      scope.cancel("why");
      assert.equal((await cancellation(waiting)).reason, "why");
      assert.equal(getEventListeners(signal, "abort").length, 0);
    });
  }));
