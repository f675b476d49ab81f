import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, isCancelled, race, shield, sleep, sleepForever, suppressedErrors, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

async function cleansUpWith(cleanup: () => PromiseLike<unknown>): Promise<never> {
  try {
    return await sleepForever();
  } finally {
    await shield(async () => await cleanup());
  }
}

test("the first value wins", () =>
  virtually(async () => {
    const value = await race([() => sleep(10).then(() => "slow"), () => sleep(5).then(() => 5)]);
    const typed: string | number = value;
    assert.equal(typed, 5);
    const fromIterable: number = await race(new Set([() => 1]));
    assert.equal(fromIterable, 1);
  }));

test("the first error wins, too, unchanged", () =>
  virtually(async () => {
    const failure = new Error("own");
    assert.equal(await rejection(race([sleepForever, () => sleep(5).then(() => Promise.reject(failure))])), failure);
  }));

test("the losers are cancelled, and their cleanup is over before the race is", () =>
  virtually(async () => {
    let cleaned = false;
    let reason: unknown;
    const value = await race([
      () => "won",
      async () => {
        try {
          await sleepForever();
        } catch (error) {
          if (isCancelled(error)) reason = error.reason;
          await shield(() => sleep(20));
          cleaned = true;
          throw error;
        }
      },
    ]);
    assert.equal(value, "won");
    assert.equal(cleaned, true);
    assert.equal(reason, "another function has won");
  }));

test("what a loser gives in spite of its cancellation is dropped", () =>
  virtually(async () => {
    assert.equal(
      await race([() => sleep(1).then(() => "won"), () => shield(() => sleep(20).then(() => "late"))]),
      "won",
    );
  }));

test("the error of a loser's cleanup wins over the value, and further ones are kept with it", () =>
  virtually(async () => {
    const [first, second] = [new Error("first"), new Error("second")];
    const error = await rejection(
      race([
        () => "won",
        () => cleansUpWith(() => sleep(1).then(() => Promise.reject(first))),
        () => cleansUpWith(() => sleep(2).then(() => Promise.reject(second))),
      ]),
    );
    assert.equal(error, first);
    assert.deepEqual(suppressedErrors(error), [second]);
  }));

test("where an error has won, the errors of cleanup are kept with it", () =>
  virtually(async () => {
    const [first, second] = [new Error("first"), new Error("second")];
    const error = await rejection(
      race([() => Promise.reject(first), () => cleansUpWith(() => Promise.reject(second))]),
    );
    assert.equal(error, first);
    assert.deepEqual(suppressedErrors(error), [second]);
  }));

test("a race without racers is an error", () =>
  virtually(async () => {
    const error = await rejection(race([]));
    assert.ok(error instanceof RangeError);
    assert.match(error.message, /one function or more/);
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, race([]));
    });
  }));

test("cancelled from outside before anybody has won, it throws that when all cleanup is over", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let cleaned = false;
      const waiting = attempt(group, () =>
        race([
          () =>
            cleansUpWith(() =>
              sleep(10).then(() => {
                cleaned = true;
              }),
            ),
          sleepForever,
        ]),
      );
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.equal(cleaned, true);
    }),
  ));

test("cancelled from outside while the losers clean up, it keeps the value and the next checkpoint throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => race([() => "won", () => cleansUpWith(() => sleep(10)), sleepForever]));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "won");
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("a racer that a cancellation from outside did not stop wins", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => race([sleepForever, () => shield(() => sleep(10).then(() => "shielded"))]));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "shielded");
    }),
  ));

test("what is no list of functions is refused", () =>
  virtually(async () => {
    const error = await rejection(race([Promise.resolve(1)] as unknown as []));
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /^race: /);
  }));
