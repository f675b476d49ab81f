import assert from "node:assert/strict";
import test from "node:test";
import {
  allSettled,
  cancelScope,
  checkpoint,
  currentTask,
  isCancelled,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("allSettled gives for each function, in order, its value or its error", () =>
  virtually(async () => {
    const failure = new Error("own");
    const results = await allSettled([
      () => sleep(10).then(() => "late"),
      (): number => {
        throw failure;
      },
      function* () {
        yield;
        return true;
      },
    ]);
    const typed: [PromiseSettledResult<string>, PromiseSettledResult<number>, PromiseSettledResult<boolean>] = results;
    assert.deepEqual(typed, [
      { status: "fulfilled", value: "late" },
      { status: "rejected", reason: failure },
      { status: "fulfilled", value: true },
    ]);
    assert.equal(typed[1].status === "rejected" && typed[1].reason, failure);
  }));

test("allSettled of an iterable gives a list of one type, and of nothing an empty one", () =>
  virtually(async () => {
    const results: PromiseSettledResult<number>[] = await allSettled(new Set([() => 1]));
    assert.deepEqual(results, [{ status: "fulfilled", value: 1 }]);
    assert.deepEqual(await allSettled([]), []);
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, allSettled([]));
    });
  }));

test("a failure cancels nobody", () =>
  virtually(async () => {
    const [failed, slow] = await allSettled([() => Promise.reject(1), () => sleep(50).then(() => "done")]);
    assert.equal(failed.status, "rejected");
    assert.deepEqual(slow, { status: "fulfilled", value: "done" });
  }));

test("a function that was cancelled on its own has that as its result", () =>
  virtually(async () => {
    const [result] = await allSettled([
      async () => {
        currentTask()?.cancel("enough");
        await checkpoint();
      },
    ]);
    assert.ok(result.status === "rejected" && isCancelled(result.reason));
  }));

test("errors that a cancellation from outside crossed are kept with it", () =>
  virtually(async () => {
    const failure = new Error("own");
    await cancelScope(async (scope) => {
      const running = cancellation(allSettled([() => Promise.reject(failure), sleepForever]));
      await waitAllTasksBlocked();
      scope.cancel();
      assert.deepEqual(suppressedErrors(await running), [failure]);
    });
  }));

test("results that were complete in spite of a cancellation are given", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => allSettled([() => shield(() => sleep(10)), () => Promise.reject(1)]));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.deepEqual(waiting.outcome, [
        { status: "fulfilled", value: undefined },
        { status: "rejected", reason: 1 },
      ]);
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("what is no list of functions is refused", () =>
  virtually(async () => {
    const error = await rejection(allSettled([Promise.resolve(1)] as unknown as []));
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /^allSettled: /);
  }));
