import assert from "node:assert/strict";
import test from "node:test";
import { Barrier, fromCallback, select, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { virtually } from "../support/virtual.ts";

test("parties must be a whole number, one or more", () => {
  for (const parties of [0, -1, 1.5, Number.NaN, Infinity]) {
    assert.throws(
      () => new Barrier(parties),
      (error: unknown) => error instanceof RangeError && error.message.includes(String(parties)),
    );
  }
});

test("nobody goes on before all are there, and each has an index of its own in the order in which they came", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const barrier = new Barrier(3);
      const indexes: number[] = [];
      for (let task = 0; task < 2; task++) {
        group.spawn(async () => {
          indexes[task] = await barrier.wait();
        });
        await waitAllTasksBlocked();
      }
      assert.deepEqual(indexes, []);
      assert.deepEqual(barrier.statistics(), { parties: 3, waiting: 2 });
      assert.equal(await barrier.wait(), 2);
      await waitAllTasksBlocked();
      assert.deepEqual(indexes, [0, 1]);
      assert.equal(barrier.statistics().waiting, 0);
    }),
  ));

test("it can be used round after round, and nobody is in two rounds at once", () =>
  virtually(async () => {
    const barrier = new Barrier(4);
    const rounds: number[][] = Array.from({ length: 10 }, () => []);
    await taskGroup((group) => {
      for (let task = 0; task < 4; task++) {
        group.spawn(async () => {
          for (const round of rounds) {
            await sleep(task);
            round.push(await barrier.wait());
          }
        });
      }
    });
    for (const round of rounds) assert.deepEqual(round.sort(), [0, 1, 2, 3]);
  }));

test("more tasks than parties make several rounds", () =>
  virtually(async () => {
    const barrier = new Barrier(2);
    const indexes: number[] = [];
    await taskGroup((group) => {
      for (let task = 0; task < 6; task++) {
        group.spawn(async () => {
          indexes.push(await barrier.wait());
        });
      }
    });
    assert.deepEqual(indexes.sort(), [0, 0, 0, 1, 1, 1]);
  }));

test("a party that is cancelled while it waits does not count, and the indexes have no gap", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const barrier = new Barrier(3);
      const first = attempt(group, () => barrier.wait());
      const second = attempt(group, () => barrier.wait());
      await waitAllTasksBlocked();
      first.scope.cancel();
      await first.over;
      assert.equal(first.outcome, "cancelled");
      const third = attempt(group, () => barrier.wait());
      await waitAllTasksBlocked();
      assert.equal(second.outcome, "pending");
      assert.equal(await barrier.wait(), 2);
      await waitAllTasksBlocked();
      assert.deepEqual([second.outcome, third.outcome], [0, 1]);
    }),
  ));

test("a barrier of one holds nobody up", () =>
  virtually(async () => {
    const barrier = new Barrier(1);
    assert.equal(await barrier.wait(), 0);
    assert.equal(await barrier.wait(), 0);
  }));

test("a party that is cancelled in the tick in which the barrier opened was there", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const barrier = new Barrier(2);
      const first = attempt(group, () => barrier.wait());
      await waitAllTasksBlocked();
      const second = barrier.wait();
      first.scope.cancel();
      assert.equal(await second, 1);
      await first.over;
      assert.equal(first.outcome, 0);
      assert.equal(first.didNextThrow, true);
    }),
  ));

test("who comes while the parties of a round are woken belongs to the next round", () =>
  virtually(async () => {
    const barrier = new Barrier(2);
    const next: Promise<number>[] = [];
    await taskGroup(async (group) => {
      const party = group.spawn(() =>
        select({
          wait: () => barrier.wait(),
          // What a case runs when it loses runs while the one that wins is woken.
          call: () => fromCallback(() => () => void next.push(barrier.wait())),
        }),
      );
      await waitAllTasksBlocked();
      assert.equal(await barrier.wait(), 1);
      assert.deepEqual(await party, { key: "wait", value: 0 });
      assert.equal(barrier.statistics().waiting, 1);
      assert.equal(await barrier.wait(), 1);
    });
    assert.deepEqual(await Promise.all(next), [0]);
  }));
