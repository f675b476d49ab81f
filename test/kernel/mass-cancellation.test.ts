import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Cancelled,
  cancelScope,
  checkpoint,
  currentLoop,
  isCancelled,
  moveOnAfter,
  sleep,
  sleepForever,
  taskGroup,
} from "coppice";
import { virtually } from "../support/virtual.ts";

const taskCount = 2_500;

/** Tasks that begin to wait one after the other, and are all cancelled later. */
async function cancelMany(atEnd: (index: number, error: unknown) => void): Promise<void> {
  await moveOnAfter(2 * taskCount, () =>
    taskGroup(async (group) => {
      for (let index = 0; index < taskCount; index++) {
        group.spawn(async () => {
          await sleep(index);
          // A wait that begins with a turn of the loop ends some microtasks later than others.
          while (currentLoop().budget < 1) await checkpoint();
          try {
            await sleepForever();
          } catch (error) {
            atEnd(index, error);
            throw error;
          }
        });
      }
    }),
  );
}

test("one cancellation that cuts thousands of waits short reaches every task, in the order in which they began to wait", () =>
  virtually(async () => {
    const ended: number[] = [];
    const errors: unknown[] = [];
    await cancelMany((index, error) => {
      ended.push(index);
      errors.push(error);
    });
    assert.deepEqual(
      ended,
      Array.from({ length: taskCount }, (_, index) => index),
    );
    assert.ok(errors.every(isCancelled));
  }));

test("the first of the waits that one cancellation cuts short have errors of their own; the many after them share one", () =>
  virtually(async () => {
    const errors: Cancelled[] = [];
    await cancelMany((_, error) => errors.push(error as Cancelled));
    assert.equal(new Set(errors).size, 1_001);
    assert.equal(new Set(errors.slice(0, 1_000)).size, 1_000);
    assert.match(String(errors[0]?.stack), /mass-cancellation\.test/);
  }));

test("thousands of abandoned waits that are cut short at once raise no unhandled rejection", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      for (let index = 0; index < taskCount; index++) void sleepForever();
      scope.cancel();
    });
  }));
