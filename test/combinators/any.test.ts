import assert from "node:assert/strict";
import test from "node:test";
import { any, cancelScope, ErrorGroup, shield, sleep, sleepForever, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("the first value wins, and failures before it do not matter", () =>
  virtually(async () => {
    const value = await any([
      () => Promise.reject<string>(new Error("own")),
      () => sleep(10).then(() => 10),
      () => sleep(5).then(() => "five"),
    ]);
    const typed: string | number = value;
    assert.equal(typed, "five");
    const fromIterable: number = await any(new Set([() => 1]));
    assert.equal(fromIterable, 1);
  }));

test("if all fail, their errors are thrown as a group, in the order of the functions", () =>
  virtually(async () => {
    const errors = [new Error("a"), new Error("b"), "c"];
    const error = await rejection(
      any([
        () => sleep(10).then(() => Promise.reject(errors[0])),
        () => Promise.reject(errors[1]),
        () => sleep(5).then(() => Promise.reject(errors[2])),
      ]),
    );
    assert.ok(error instanceof ErrorGroup);
    assert.ok(error instanceof AggregateError);
    assert.deepEqual(error.errors, errors);
    assert.equal(error.message, "any: all 3 functions failed");
  }));

test("any of nothing is an error", () =>
  virtually(async () => {
    const error = await rejection(any([]));
    assert.ok(error instanceof RangeError);
    assert.match(error.message, /^any: .*one function or more/);
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, any([]));
    });
  }));

test("the losers are cancelled, and their cleanup is over before any is", () =>
  virtually(async () => {
    let cleaned = false;
    await any([
      () => "won",
      async () => {
        try {
          await sleepForever();
        } finally {
          await shield(() => sleep(20));
          cleaned = true;
        }
      },
    ]);
    assert.equal(cleaned, true);
  }));

test("the error of a loser's cleanup wins over the value", () =>
  virtually(async () => {
    const failure = new Error("cleanup");
    const error = await rejection(
      any([
        () => sleep(1).then(() => "won"),
        async () => {
          try {
            await taskGroup((group) => group.spawn(sleepForever));
          } catch {
            throw failure;
          }
        },
      ]),
    );
    assert.equal(error, failure);
  }));

test("one that fails by itself in the tick in which another succeeds has only lost", () =>
  virtually(async () => {
    const value = await any([
      () => sleep(5).then(() => "won"),
      () => sleep(5).then(() => Promise.reject(new Error("lost"))),
    ]);
    assert.equal(value, "won");
  }));

test("cancelled from outside, it throws that, whatever has failed before", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => any([() => Promise.reject(1), sleepForever]));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
    }),
  ));

test("a value that came in spite of a cancellation from outside is given", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => any([sleepForever, () => shield(() => sleep(10).then(() => "shielded"))]));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "shielded");
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("what is no list of functions is refused", () =>
  virtually(async () => {
    const error = await rejection(any(7 as unknown as []));
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /^any: expected a list of functions, got 7/);
  }));
