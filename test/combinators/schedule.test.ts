import assert from "node:assert/strict";
import test from "node:test";
import { Schedule } from "coppice";

const half = (): number => 0.5;

function delays(schedule: Schedule, random: () => number = half): (number | undefined)[] {
  return Array.from({ length: 5 }, (_, retry) => schedule.delay(retry, random));
}

test("fixed: the same delay for ever", () => {
  assert.deepEqual(delays(Schedule.fixed(10)), [10, 10, 10, 10, 10]);
});

test("exponential: each delay is the last one times the factor", () => {
  assert.deepEqual(delays(Schedule.exponential(10)), [10, 20, 40, 80, 160]);
  assert.deepEqual(delays(Schedule.exponential(1, 10)), [1, 10, 100, 1_000, 10_000]);
  assert.deepEqual(delays(Schedule.exponential(5, 1)), [5, 5, 5, 5, 5]);
  assert.equal(Schedule.exponential(0).delay(5_000, half), 0);
  assert.equal(Schedule.exponential(1).capped(60_000).delay(5_000, half), 60_000);
});

test("recurs: so many retries and no more; the smallest number counts", () => {
  assert.deepEqual(delays(Schedule.fixed(10).recurs(2)), [10, 10, undefined, undefined, undefined]);
  assert.deepEqual(delays(Schedule.fixed(10).recurs(0)), Array(5).fill(undefined));
  assert.deepEqual(delays(Schedule.fixed(10).recurs(3).recurs(1)), [10, undefined, undefined, undefined, undefined]);
});

test("capped: no delay is longer", () => {
  assert.deepEqual(delays(Schedule.exponential(10).capped(50)), [10, 20, 40, 50, 50]);
});

test("jittered: a random part of each delay is taken off, so that a cap holds before and after", () => {
  assert.deepEqual(delays(Schedule.fixed(100).jittered()), [75, 75, 75, 75, 75]);
  assert.deepEqual(delays(Schedule.fixed(100).jittered(1)), [50, 50, 50, 50, 50]);
  assert.deepEqual(delays(Schedule.fixed(100).jittered(0)), [100, 100, 100, 100, 100]);
  assert.deepEqual(
    delays(Schedule.fixed(100).jittered(), () => 0),
    [100, 100, 100, 100, 100],
  );
  assert.deepEqual(delays(Schedule.exponential(10).capped(50).jittered()), [7.5, 15, 30, 37.5, 37.5]);
});

test("a schedule is never changed: chaining makes another one", () => {
  const schedule = Schedule.fixed(10);
  schedule.recurs(0);
  schedule.capped(1);
  assert.deepEqual(delays(schedule), [10, 10, 10, 10, 10]);
});

test("wrong numbers are refused by name", () => {
  for (const wrong of [-1, Number.NaN, "1" as unknown as number]) {
    assert.throws(() => Schedule.fixed(wrong), /^RangeError: Schedule.fixed: /);
    assert.throws(() => Schedule.exponential(wrong), /^RangeError: Schedule.exponential: /);
    assert.throws(() => Schedule.fixed(1).capped(wrong), /^RangeError: Schedule.capped: /);
  }
  for (const wrong of [0.5, 0, -2, Infinity, Number.NaN]) {
    assert.throws(() => Schedule.exponential(1, wrong), /^RangeError: Schedule.exponential: /);
  }
  for (const wrong of [-0.1, 1.1, Number.NaN])
    assert.throws(() => Schedule.fixed(1).jittered(wrong), /^RangeError: Schedule.jittered: /);
  for (const wrong of [-1, 0.5, Infinity, Number.NaN])
    assert.throws(() => Schedule.fixed(1).recurs(wrong), /^RangeError: Schedule.recurs: /);
});
