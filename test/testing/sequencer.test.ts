import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, cancelScope, InvalidStateError, isCancelled, run, shield, sleep, taskGroup } from "coppice";
import { Sequencer, waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

test("places in several tasks are passed in the order of their numbers", async () => {
  for (const seed of [1, 2, 3]) {
    await virtually(
      () =>
        taskGroup((group) => {
          const sequencer = new Sequencer();
          const log: number[] = [];
          const pass = (position: number): Promise<void> =>
            sequencer.at(position, async () => {
              log.push(position);
              await sleep(10 - position);
              log.push(position);
            });
          group.spawn(async () => {
            await pass(1);
            await pass(2);
            await pass(5);
            assert.deepEqual(log, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
          });
          group.spawn(async () => {
            await pass(0);
            await pass(4);
          });
          group.spawn(() => pass(3));
        }),
      { seed },
    );
  }
});

test("at gives what its function gave; a failing one passes the turn on and throws", () =>
  virtually(async () => {
    const sequencer = new Sequencer();
    const error = new Error("own");
    assert.equal(await sequencer.at(0, () => "value"), "value");
    assert.equal(await sequencer.at(1, () => Promise.resolve("value")), "value");
    assert.equal(await rejection(sequencer.at(2, () => Promise.reject(error))), error);
    assert.equal(
      await sequencer.at(3, function* () {
        yield* [];
        return "from a generator";
      }),
      "from a generator",
    );
  }));

test("with reach, the turn lasts until it is disposed of, once", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const sequencer = new Sequencer();
      let isReached = false;
      group.spawn(async () => {
        using _turn = await sequencer.reach(1);
        isReached = true;
      });
      {
        using first = await sequencer.reach(0);
        await waitAllTasksBlocked();
        assert.equal(isReached, false);
        first[Symbol.dispose]();
        await waitAllTasksBlocked();
        assert.equal(isReached, true);
      }
      await sequencer.at(2, () => {});
    }),
  ));

test("a position is good for one use", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const sequencer = new Sequencer();
      const waiting = group.spawn(() => sequencer.at(1, () => "once"));
      await waitAllTasksBlocked();
      const error = await rejection(sequencer.at(1, assert.fail));
      assert.ok(error instanceof InvalidStateError);
      assert.match(error.message, /position 1 .* twice/);
      await sequencer.at(0, () => {});
      assert.ok((await rejection(sequencer.reach(0))) instanceof InvalidStateError);
      assert.equal(await waiting, "once");
    }),
  ));

test("a position is a whole number from 0 on", async () => {
  const sequencer = new Sequencer();
  for (const position of [-1, 0.5, Number.NaN, Infinity]) {
    const error = await rejection(sequencer.at(position, assert.fail));
    assert.ok(error instanceof RangeError);
    assert.match(error.message, new RegExp(`got ${position}`));
  }
  assert.equal(await sequencer.at(0, () => "the first"), "the first");
});

test("whoever gives up waiting breaks the sequencer for everyone, now and later", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const sequencer = new Sequencer();
      const given = attempt(group, () => sequencer.at(1, assert.fail));
      const others = [2, 3].map((position) => rejection(sequencer.at(position, assert.fail)));
      await waitAllTasksBlocked();
      given.scope.cancel();
      await given.over;
      assert.equal(given.outcome, "cancelled");
      for (const error of [...(await Promise.all(others)), await rejection(sequencer.reach(0))]) {
        assert.ok(error instanceof BrokenError);
        assert.match(error.message, /sequencer is broken/);
      }
    }),
  ));

test("so does whoever is cancelled before it could wait", () =>
  virtually(async () => {
    const sequencer = new Sequencer();
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, sequencer.at(0, assert.fail));
      await shield(async () => assert.ok((await rejection(sequencer.at(1, assert.fail))) instanceof BrokenError));
    });
  }));

test("cancelled in the tick in which its turn comes, a task has its turn, and passes it on", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const sequencer = new Sequencer();
      const second = attempt(group, () => sequencer.at(1, () => "had its turn"));
      const third = group.spawn(() => sequencer.at(2, () => "too"));
      await waitAllTasksBlocked();
      const turn = await sequencer.reach(0);
      turn[Symbol.dispose]();
      second.scope.cancel();
      await second.over;
      assert.deepEqual([second.outcome, second.didNextThrow], ["had its turn", true]);
      assert.equal(await third, "too");
    }),
  ));

test("a task that is cancelled during its turn passes it on", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const sequencer = new Sequencer();
      const first = attempt(group, () => sequencer.at(0, () => sleep(100)));
      await waitAllTasksBlocked();
      first.scope.cancel();
      assert.equal(await sequencer.at(1, () => "second"), "second");
      await first.over;
      assert.equal(first.outcome, "cancelled");
    }),
  ));

test("shielded, the wait goes on; an outer cancellation breaks it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const sequencer = new Sequencer();
      const shielded = attempt(group, () => shield(() => sequencer.at(1, () => "shielded")));
      const nested = attempt(group, () =>
        cancelScope(async (inner) => {
          const error = await rejection(sequencer.at(3, assert.fail));
          assert.ok(isCancelled(error) && error.scope !== inner);
          throw error;
        }),
      );
      await waitAllTasksBlocked();
      shielded.scope.cancel();
      await sequencer.at(0, () => {});
      await shielded.over;
      assert.equal(shielded.outcome, "shielded");
      nested.scope.cancel();
      await nested.over;
      assert.equal(nested.outcome, "cancelled");
      assert.ok((await rejection(sequencer.at(2, assert.fail))) instanceof BrokenError);
    }),
  ));

test("abandoned and cancelled, it raises no unhandled rejection", async () => {
  const unhandled = await unhandledDuring(() =>
    virtually(() =>
      cancelScope(async (scope) => {
        void new Sequencer().at(1, assert.fail);
        void new Sequencer().reach(1);
        await waitAllTasksBlocked();
        scope.cancel();
      }),
    ),
  );
  assert.deepEqual(unhandled, []);
});

test("it works in a real run too", async () => {
  const log: number[] = [];
  await run(() =>
    taskGroup((group) => {
      const sequencer = new Sequencer();
      for (const position of [2, 0, 1]) group.spawn(() => sequencer.at(position, () => log.push(position)));
    }),
  );
  assert.deepEqual(log, [0, 1, 2]);
});
