import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, currentLoop, type RateLimiter, rateLimit, shield, sleep, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import fc from "fast-check";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** When each of `count` turns was given that were asked for at once. */
async function turns(limiter: RateLimiter, count: number): Promise<number[]> {
  const at: number[] = [];
  await taskGroup((group) => {
    for (let turn = 0; turn < count; turn++) {
      group.spawn(async () => {
        await limiter.acquire();
        at.push(currentLoop().time());
      });
    }
  });
  return at;
}

test("a burst up to the limit starts at once, the rest as the window slides on", () =>
  virtually(async () => {
    assert.deepEqual(await turns(rateLimit({ limit: 2, perMs: 100 }), 5), [0, 0, 100, 100, 200]);
  }));

test("no window sees more than the limit, wherever it begins", () =>
  virtually(async () => {
    const limiter = rateLimit({ limit: 2, perMs: 100 });
    await limiter.acquire();
    await sleep(90);
    assert.deepEqual(await turns(limiter, 4), [90, 100, 190, 200]);
  }));

test("time that was not used is not saved up", () =>
  virtually(async () => {
    const limiter = rateLimit({ limit: 2, perMs: 100 });
    await sleep(10_000);
    assert.deepEqual(await turns(limiter, 3), [10_000, 10_000, 10_100]);
  }));

test("turns are given first come, first served, and nobody starts while somebody waits", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = rateLimit({ limit: 1, perMs: 10 });
      const log: string[] = [];
      for (const name of "abc") {
        group.spawn(async () => {
          await limiter.acquire();
          log.push(name);
        });
        await waitAllTasksBlocked();
      }
      await sleep(10);
      await limiter.acquire();
      log.push("late");
      assert.deepEqual(log, ["a", "b", "c", "late"]);
    }),
  ));

test("run waits for a turn and calls the function; only its start counts", () =>
  virtually(async () => {
    const limiter = rateLimit({ limit: 1, perMs: 10 });
    const failure = new Error("own");
    const at: number[] = [];
    await taskGroup((group) => {
      for (let run = 0; run < 3; run++) {
        group.spawn(() =>
          limiter.run(async () => {
            at.push(currentLoop().time());
            await sleep(1_000);
          }),
        );
      }
    });
    assert.deepEqual(at, [0, 10, 20]);
    const value: string = await limiter.run(function* () {
      yield;
      return "generator";
    });
    assert.equal(value, "generator");
    assert.equal(await rejection(limiter.run(() => Promise.reject(failure))), failure);
  }));

test("cancelled before, it throws and has used no turn up", () =>
  virtually(async () => {
    const limiter = rateLimit({ limit: 1, perMs: 10 });
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, limiter.acquire());
      await assertCancelledBy(
        scope,
        limiter.run(() => assert.fail()),
      );
    });
    await limiter.acquire();
    assert.equal(currentLoop().time(), 0);
  }));

test("cancelled while it waits, it passes its turn on, and the last one leaves no timer", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = rateLimit({ limit: 1, perMs: 10 });
      await limiter.acquire();
      const first = attempt(group, () => limiter.acquire());
      const second = attempt(group, () => limiter.acquire().then(() => currentLoop().time()));
      await waitAllTasksBlocked();
      first.scope.cancel();
      await second.over;
      assert.equal(first.outcome, "cancelled");
      assert.equal(second.outcome, 10);
      const third = attempt(group, () => limiter.acquire());
      await waitAllTasksBlocked();
      third.scope.cancel();
      await third.over;
      assert.equal(currentLoop().time(), 10);
    }),
  ));

test("given a turn and cancelled in the same tick, it has the turn", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = rateLimit({ limit: 1, perMs: 10 });
      await limiter.acquire();
      const waiting = attempt(group, () => limiter.acquire());
      await waitAllTasksBlocked();
      currentLoop().callAt(10, () => waiting.scope.cancel());
      await waiting.over;
      assert.equal(waiting.outcome, undefined);
      assert.equal(waiting.didNextThrow, true);
      await limiter.acquire();
      assert.equal(currentLoop().time(), 20);
    }),
  ));

test("shielded, and nested in scopes in between", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const limiter = rateLimit({ limit: 1, perMs: 10 });
      await limiter.acquire();
      const nested = attempt(group, () => cancelScope(() => limiter.acquire()));
      const shielded = attempt(group, () => shield(() => limiter.acquire()));
      await waitAllTasksBlocked();
      shielded.scope.cancel();
      nested.scope.cancel();
      await nested.over;
      assert.equal(nested.outcome, "cancelled");
      await shielded.over;
      assert.equal(shielded.outcome, undefined);
      assert.equal(currentLoop().time(), 10);
    }),
  ));

test("wrong numbers are refused by name", () => {
  for (const limit of [0, -1, 1.5, Infinity, Number.NaN]) {
    assert.throws(() => rateLimit({ limit, perMs: 10 }), /^RangeError: rateLimit: expected a limit/);
  }
  for (const perMs of [0, -1, Infinity, Number.NaN]) {
    assert.throws(() => rateLimit({ limit: 1, perMs }), /^RangeError: rateLimit: expected perMs/);
  }
});

test("property: no window sees more than the limit, whoever comes and is cancelled when", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 60 })), { maxLength: 25 }),
      fc.integer({ min: 0, max: 1_000_000 }),
      async (limit, perMs, comers, seed) => {
        const starts: number[] = [];
        await virtually(
          async () => {
            const limiter = rateLimit({ limit, perMs });
            await taskGroup((group) => {
              for (const [comes, patience] of comers) {
                group.spawn(() =>
                  cancelScope(async (scope) => {
                    await sleep(comes);
                    scope.deadline = currentLoop().time() + patience;
                    await limiter.acquire();
                    starts.push(currentLoop().time());
                  }),
                );
              }
            });
          },
          { seed },
        );
        for (const [place, at] of starts.entries()) {
          const earlier = starts[place - limit];
          if (earlier !== undefined) assert.ok(at - earlier >= perMs, `${starts}`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("each event loop has a window of its own, as their clocks have nothing to do with each other", async () => {
  const limiter = rateLimit({ limit: 1, perMs: 10 });
  await virtually(async () => {
    await sleep(100_000);
    await limiter.acquire();
  });
  await virtually(async () => {
    await limiter.acquire();
    await limiter.acquire();
    assert.equal(currentLoop().time(), 10);
  });
});
