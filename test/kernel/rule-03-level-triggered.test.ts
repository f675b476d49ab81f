/** Rule 3: in a cancelled scope every checkpoint throws, and one who swallows that and spins is slowed and reported. */
import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { type Cancelled, cancelScope, checkpoint, isCancelled, shield, sleep, sleepForever, taskGroup } from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { MAX_FAST_REFUSALS } from "../../src/kernel/checkpoint.ts";
import { assertCancelledBy, cancellation } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const SWALLOWED = "COPPICE_SWALLOWED_CANCELLATION";

/** The codes of the process warnings that come while the test runs. They come a tick late. */
function warningsDuring(context: TestContext): () => Promise<string[]> {
  const codes: string[] = [];
  const note = (warning: Error): void => {
    codes.push((warning as Error & { code?: string }).code ?? warning.name);
  };
  process.on("warning", note);
  context.after(() => process.off("warning", note));
  return async () => {
    await new Promise(setImmediate);
    return codes;
  };
}

async function swallow(wait: () => PromiseLike<unknown>): Promise<void> {
  try {
    await wait();
  } catch (error) {
    assert.ok(isCancelled(error));
  }
}

test("a swallowed cancellation comes again at each checkpoint until the scope is left", () =>
  virtually(async () => {
    const value = await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, checkpoint());
      await assertCancelledBy(scope, sleep(1));
      await assertCancelledBy(scope, sleepForever());
      await assertCancelledBy(scope, cancelScope(checkpoint));
      return "the body's own value";
    });
    assert.equal(value, "the body's own value");
    await checkpoint();
  }));

test("waits begun before and after the cancellation throw alike", () =>
  virtually(() =>
    taskGroup(async (group) => {
      await cancelScope(async (scope) => {
        const during = sleepForever();
        scope.cancel("why");
        for (const wait of [during, sleepForever()]) {
          const error: Cancelled = await cancellation(wait);
          assert.equal(error.scope, scope);
          assert.equal(error.reason, "why");
        }
      });
      group.cancelAll();
    }),
  ));

test("a scope opened in a cancelled one is cancelled from the start", () =>
  virtually(async () => {
    await cancelScope(async (outer) => {
      outer.cancel();
      await cancelScope(async (inner) => {
        assert.equal(inner.isCancelled, true);
        assert.equal(inner.cancelCalled, false);
        await assertCancelledBy(outer, checkpoint());
      });
      await shield(async (shielded) => {
        assert.equal(shielded.isCancelled, false);
        await checkpoint();
      });
    });
  }));

test("a task that swallows its cancellation and spins is slowed to the macrotask queue and reported once", async (t) => {
  const warnings = warningsDuring(t);
  await virtually(async () => {
    let immediates = 0;
    let spins = 0;
    await cancelScope(async (scope) => {
      scope.cancel();
      let isOver = false;
      const count = (): void => {
        immediates++;
        if (immediates < 50) setImmediate(count);
        else isOver = true;
      };
      setImmediate(count);
      while (!isOver) {
        spins++;
        await swallow(checkpoint);
      }
    });
    assert.ok(spins > MAX_FAST_REFUSALS, `${spins}`);
    assert.ok(spins < MAX_FAST_REFUSALS + 200, `about one spin a turn once it is slowed, and not ${spins}`);
  });
  assert.deepEqual(await warnings(), [SWALLOWED]);
});

test("every kind of wait counts as a spin", async (t) => {
  const warnings = warningsDuring(t);
  await virtually(async () => {
    await taskGroup(async (group) => {
      const task = group.spawn(sleepForever);
      await waitAllTasksBlocked();
      await cancelScope(async (scope) => {
        scope.cancel();
        for (let spin = 0; spin <= MAX_FAST_REFUSALS / 3; spin++) {
          await swallow(checkpoint);
          await swallow(() => sleep(10));
          await swallow(async () => await task);
        }
      });
      task.cancel();
    });
  });
  assert.deepEqual(await warnings(), [SWALLOWED]);
});

test("cleanup with a few checkpoints is not reported", async (t) => {
  const warnings = warningsDuring(t);
  await virtually(async () => {
    await cancelScope(async (scope) => {
      scope.cancel();
      for (let spin = 0; spin < MAX_FAST_REFUSALS; spin++) await swallow(checkpoint);
    });
  });
  assert.deepEqual(await warnings(), []);
});

test("many tasks that are refused a few times each are not reported", async (t) => {
  const warnings = warningsDuring(t);
  await virtually(async () => {
    await taskGroup(async (group) => {
      group.cancelAll();
      for (let child = 0; child < 3 * MAX_FAST_REFUSALS; child++) group.spawn(() => swallow(checkpoint));
    });
  });
  assert.deepEqual(await warnings(), []);
});

test("a loop around task groups that swallows its cancellation lets the event loop run", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      scope.cancel();
      let isOver = false;
      setImmediate(() => {
        isOver = true;
      });
      while (!isOver) {
        await swallow(() =>
          taskGroup((group) => {
            group.spawn(() => sleep(1));
          }),
        );
      }
    });
  }));

test("a loop around waits that were interrupted is refused at the next one", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let rounds = 0;
      const task = group.spawn(async () => {
        while (rounds < 10) {
          rounds++;
          await swallow(sleepForever);
        }
      });
      await waitAllTasksBlocked();
      task.cancel();
      await task;
      assert.equal(rounds, 10);
      assert.equal(task.cancelled, false, "it swallowed all of them and returned");
    }),
  ));

test("a loop that swallows its cancellation around task groups is reported too", async (t) => {
  const warnings = warningsDuring(t);
  await virtually(() =>
    cancelScope(async (scope) => {
      scope.cancel();
      for (let round = 0; round < 2 * MAX_FAST_REFUSALS; round++) {
        await taskGroup((group) => {
          group.spawn(sleepForever);
        }).catch(() => {});
      }
    }),
  );
  assert.deepEqual(await warnings(), [SWALLOWED]);
});
