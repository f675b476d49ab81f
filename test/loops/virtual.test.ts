/** The virtual loop and its network in memory. */
import assert from "node:assert/strict";
import test from "node:test";
import { currentLoop, run, sleep, taskGroup } from "coppice";
import { VirtualLoop } from "coppice/testing";
import { seededRandom } from "../../src/loops/virtual/random.ts";
import { virtually } from "../support/virtual.ts";

test("timers due at the same time fire in the order in which they were set", () =>
  virtually(async () => {
    const loop = currentLoop();
    const fired: string[] = [];
    loop.callAt(5, () => fired.push("a"));
    loop.callAt(3, () => fired.push("b"));
    loop.callAt(5, () => fired.push("c"));
    loop.callAt(-1, () => fired.push("past"));
    assert.deepEqual(fired, [], "never synchronously");
    await sleep(5);
    assert.deepEqual(fired, ["past", "b", "a", "c"]);
    assert.equal(loop.time(), 5);
  }));

test("the clock never goes back", () =>
  virtually(async () => {
    const loop = currentLoop();
    await sleep(10);
    await new Promise<void>((resolve) => loop.callAt(3, resolve));
    assert.equal(loop.time(), 10);
  }));

test("those who asked for a turn have it before the clock jumps", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      group.spawn(async () => {
        await sleep(1);
        log.push("timer");
      });
      for (let turn = 0; turn < 3; turn++) {
        await sleep(0);
        log.push("turn");
      }
      await sleep(1);
      assert.deepEqual(log, ["turn", "turn", "turn", "timer"]);
    }),
  ));

test("afterTurn calls back once the microtasks of the turn have run dry", () =>
  virtually(async () => {
    const log: string[] = [];
    currentLoop().afterTurn(() => log.push("first"));
    currentLoop().afterTurn(() => log.push("second"));
    for (let step = 0; step < 50; step++) await Promise.resolve();
    assert.deepEqual(log, []);
    await sleep(0);
    assert.deepEqual(log, ["first", "second"]);
  }));

test("a loop can be used for one run after the other, and its clock goes on", async () => {
  const loop = new VirtualLoop();
  await run(() => sleep(10), { loop });
  await run(() => sleep(10), { loop });
  assert.equal(loop.time(), 20);
});

test("seeds far apart and close together draw different numbers, spread over [0, 1)", () => {
  const firsts = new Set<number>();
  for (const seed of [0, 1, 2, 3, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    const random = seededRandom(seed);
    firsts.add(random());
    let sum = 0;
    for (let draw = 0; draw < 10_000; draw++) {
      const number = random();
      assert.ok(number >= 0 && number < 1);
      sum += number;
    }
    assert.ok(Math.abs(sum / 10_000 - 0.5) < 0.02);
  }
  assert.equal(firsts.size, 9);
});
