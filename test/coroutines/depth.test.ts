/** Depth costs heap and not stack: a million levels, a million steps. */
import assert from "node:assert/strict";
import test from "node:test";
import { type Coroutine, coroutine, isCancelled, sleepForever, taskGroup, until } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const MILLION = 1_000_000;

const nested: (depth: number, innermost: () => Coroutine<number>) => Coroutine<number> = coroutine(function* (
  depth: number,
  innermost: () => Coroutine<number>,
) {
  if (depth === 0) return yield* innermost();
  const below: number = yield* nested(depth - 1, innermost);
  return below + 1;
});

// biome-ignore lint/correctness/useYield: it waits for nothing.
const zero = coroutine(function* () {
  return 0;
});

test("a million coroutines delegate to each other", () =>
  virtually(async () => {
    assert.equal(await nested(MILLION, zero), MILLION);
  }));

test("a million generators are yielded by each other", () =>
  virtually(async () => {
    const level = function* (depth: number): Generator<unknown, number, number> {
      return depth === 0 ? 0 : (yield level(depth - 1)) + 1;
    };
    assert.equal(await coroutine(() => level(MILLION))(), MILLION);
  }));

test("an error unwinds a million levels, and each finally runs", () =>
  virtually(async () => {
    let unwound = 0;
    const ownError = new Error("own");
    const level: (depth: number) => Coroutine<void> = coroutine(function* (depth: number) {
      if (depth === 0) throw ownError;
      try {
        yield* level(depth - 1);
      } finally {
        unwound++;
      }
    });
    assert.equal(await rejection(level(MILLION)), ownError);
    assert.equal(unwound, MILLION);
  }));

test("a cancellation unwinds a hundred thousand levels", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const forever = coroutine(function* () {
        yield* until(sleepForever());
        return 0;
      });
      const task = group.spawn(() => nested(100_000, forever));
      await waitAllTasksBlocked();
      task.cancel();
      assert.ok(isCancelled(await rejection(task)));
    }),
  ));

test("a million coroutines, one after another", () =>
  virtually(async () => {
    const sum = coroutine(function* () {
      let total = 0;
      for (let step = 0; step < MILLION; step++) total += (yield* zero()) + 1;
      return total;
    });
    assert.equal(await sum(), MILLION);
  }));

test("a million waits, one after another", () =>
  virtually(async () => {
    const steps = coroutine(function* () {
      let count = 0;
      while (count < MILLION) {
        yield;
        count++;
      }
      return count;
    });
    assert.equal(await steps(), MILLION);
  }));
