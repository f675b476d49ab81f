/** Rule 8: deadlines are absolute, on the loop's clock, and the earliest up to the nearest shield holds. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  cancelScope,
  checkpoint,
  currentLoop,
  currentScope,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  TimeoutError,
  taskGroup,
  withTimeout,
} from "coppice";
import { assertCancelledBy, cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const now = (): number => currentLoop().time();

test("a relative timeout counts from the moment when the scope is entered", () =>
  virtually(async () => {
    await sleep(100);
    let deadline = 0;
    const value = await moveOnAfter(10, async (scope) => {
      deadline = scope.deadline;
      await sleepForever();
    });
    assert.equal(value, undefined);
    assert.equal(deadline, 110);
    assert.equal(now(), 110);
  }));

test("an absolute deadline is a point on the loop's clock", () =>
  virtually(async () => {
    await sleep(5);
    await cancelScope(sleepForever, { deadline: 20 });
    assert.equal(now(), 20);
  }));

test("the effective deadline is the earliest around, up to the nearest shield", () =>
  virtually(async () => {
    await cancelScope(
      async (outer) => {
        await cancelScope(
          async (inner) => {
            assert.equal(inner.deadline, 200);
            assert.equal(inner.effectiveDeadline, 100);
            await cancelScope((innermost) => {
              assert.equal(innermost.deadline, Infinity);
              assert.equal(innermost.effectiveDeadline, 100);
              outer.deadline = 300;
              assert.equal(innermost.effectiveDeadline, 200);
              inner.deadline = Infinity;
              assert.equal(innermost.effectiveDeadline, 300);
              inner.deadline = 50;
              assert.equal(innermost.effectiveDeadline, 50);
            });
            await shield(async (shielded) => {
              assert.equal(shielded.effectiveDeadline, Infinity);
              shielded.deadline = 70;
              await cancelScope((innermost) => {
                assert.equal(innermost.effectiveDeadline, 70);
              });
              shielded.deadline = Infinity;
            });
          },
          { deadline: 200 },
        );
      },
      { deadline: 100 },
    );
  }));

test("a deadline can be moved later, earlier and away while somebody waits", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let scope!: CancelScope;
      const waiting = group.spawn(() =>
        moveOnAfter(10, async (opened) => {
          scope = opened;
          await sleepForever();
        }),
      );
      await sleep(5);
      scope.deadline = 50;
      await sleep(20);
      assert.equal(waiting.done, false);
      scope.deadline = Infinity;
      await sleep(100);
      assert.equal(waiting.done, false);
      scope.deadline = 130;
      await waiting;
      assert.equal(now(), 130);
    }),
  ));

test("a deadline set into the past cancels at the next checkpoint", () =>
  virtually(async () => {
    await sleep(10);
    await cancelScope(async (scope) => {
      scope.deadline = 5;
      await assertCancelledBy(scope, checkpoint());
      assert.equal(scope.cancelCalled, true);
    });
  }));

test("withTimeout(0) cuts at the first checkpoint, and a body without one keeps its value", () =>
  virtually(async () => {
    assert.ok((await rejection(withTimeout(0, checkpoint))) instanceof TimeoutError);
    assert.equal(await withTimeout(0, () => "value"), "value");
    assert.equal(await withTimeout(0, async () => Promise.resolve("value")), "value");
  }));

test("a body that finishes first keeps its value, also when the deadline passed meanwhile", () =>
  virtually(async () => {
    const value = await withTimeout(10, async () => {
      await shield(() => sleep(20));
      return "value";
    });
    assert.equal(value, "value");
    assert.equal(await moveOnAfter(10, () => sleep(5).then(() => "in time")), "in time");
  }));

test("the cleanup of what timed out is waited for", () =>
  virtually(async () => {
    await rejection(
      withTimeout(10, async () => {
        try {
          await sleepForever();
        } finally {
          await shield(() => sleep(30));
        }
      }),
    );
    assert.equal(now(), 40);
  }));

test("an error of the body that comes after the deadline is thrown as it is", () =>
  virtually(async () => {
    const error = new Error("own");
    const thrown = await rejection(
      withTimeout(10, async () => {
        await sleepForever().catch(() => {});
        throw error;
      }),
    );
    assert.equal(thrown, error);
  }));

test("of two deadlines at the same time the outer scope is named", () =>
  virtually(async () => {
    let isPast = false;
    await moveOnAfter(10, async () => {
      await moveOnAfter(10, sleepForever);
      isPast = true;
    });
    assert.equal(now(), 10);
    assert.equal(isPast, false);
  }));

test("infinite timeouts never end, and need no timer", () =>
  virtually(async () => {
    assert.equal(await withTimeout(Infinity, () => sleep(10).then(() => "value")), "value");
    assert.equal(await moveOnAfter(Infinity, () => "value"), "value");
  }));

test("timers past 2^31 ms are exact", () =>
  virtually(async () => {
    const long = 2 ** 31 + 12_345;
    await sleep(long);
    assert.equal(now(), long);
    await moveOnAfter(long * 1_000, sleepForever);
    assert.equal(now(), long * 1_001);
  }));

test("a duration that is text is named as text", () =>
  virtually(async () => {
    const error = await rejection(sleep("5" as unknown as number));
    assert.ok(error instanceof RangeError);
    assert.equal(error.message, 'sleep: expected a duration in milliseconds, zero or more, got "5"');
  }));

test("NaN and negative durations are a RangeError that names the value", () =>
  virtually(async () => {
    for (const ms of [Number.NaN, -1, -Infinity]) {
      for (const promise of [
        sleep(ms),
        withTimeout(ms, () => assert.fail("not called")),
        moveOnAfter(ms, () => assert.fail("not called")),
        shield(() => assert.fail("not called"), { graceMs: ms }),
      ]) {
        const error = await rejection(promise);
        assert.ok(error instanceof RangeError);
        assert.match(error.message, new RegExp(String(ms)));
      }
      assert.throws(() => currentScope().stop({ graceMs: ms }), RangeError);
    }
    assert.ok((await rejection(cancelScope(() => {}, { deadline: Number.NaN }))) instanceof RangeError);
    assert.throws(() => {
      currentScope().deadline = Number.NaN;
    }, RangeError);
    assert.equal(currentScope().isStopping, false);
  }));

test("a shield's own deadline and those inside of it fire", () =>
  virtually(async () => {
    await cancelScope(async (outer) => {
      outer.cancel();
      const error = await cancellation(
        shield(async (scope) => {
          scope.deadline = 10;
          await sleepForever();
        }),
      );
      assert.equal(error.reason, "deadline passed");
      await shield(() => moveOnAfter(10, sleepForever));
      assert.equal(now(), 20);
    });
  }));

test("the grace period of a shield counts from the cancellation outside", () =>
  virtually(async () => {
    await taskGroup(async (group) => {
      const task = group.spawn(() =>
        shield(
          async () => {
            await sleep(30);
            await sleepForever();
          },
          { graceMs: 100 },
        ),
      );
      await sleep(50);
      task.cancel("why");
      const error = await cancellation(task);
      assert.equal(error.reason, "why");
      assert.equal(now(), 150);
    });
  }));

test("a shield entered during the grace period has what is left of it", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      scope.cancel();
      await shield(() => sleep(60), { graceMs: 100 });
      const error = await cancellation(shield(sleepForever, { graceMs: 100 }));
      assert.equal(error.scope, scope);
      assert.equal(now(), 100);
      // Spent, it hides nothing.
      await assertCancelledBy(scope, shield(checkpoint, { graceMs: 100 }));
      await assertCancelledBy(scope, shield(checkpoint, { graceMs: 0 }));
    });
  }));

test("a second cancellation, further out, gives a shield no more grace, whether it was entered before that or after", () =>
  virtually(async () => {
    await cancelScope(async (outer) => {
      await cancelScope(async (inner) => {
        inner.cancel();
        await shield(
          async () => {
            await sleep(40);
            outer.cancel();
            await assertCancelledBy(outer, shield(sleepForever, { graceMs: 60 }));
            // Hidden by the shield around, the cancellations reach the one inside when that falls.
            assert.equal(now(), 100);
          },
          { graceMs: 100 },
        );
      });
    });
    assert.equal(now(), 100);
    await cancelScope(async (outer) => {
      await cancelScope(async (inner) => {
        inner.cancel();
        await shield(() => sleep(40));
        outer.cancel();
        await assertCancelledBy(outer, shield(sleepForever, { graceMs: 100 }));
        assert.equal(now(), 200);
      });
    });
  }));

test("a shield with grace that ends in time is not cut, and leaves no timer", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      scope.cancel();
      assert.equal(await shield(() => sleep(60).then(() => "value"), { graceMs: 100 }), "value");
    });
    assert.equal(now(), 60);
  }));

test("nested shields fall one by one", () =>
  virtually(async () => {
    const log: [string, number][] = [];
    await cancelScope(async (scope) => {
      scope.cancel();
      await shield(
        async () => {
          await shield(() => sleepForever().finally(() => log.push(["inner", now()])), { graceMs: 50 }).finally(() =>
            checkpoint().catch(() => log.push(["outer", now()])),
          );
        },
        { graceMs: 20 },
      );
    });
    assert.deepEqual(log, [
      ["inner", 50],
      ["outer", 50],
    ]);
  }));

test("a shield left open by a shield that ended gets its grace from the cancellation around", () =>
  virtually(async () => {
    await cancelScope(async (scope) => {
      scope.cancel();
      let orphan: Promise<void> | undefined;
      await shield(() => {
        orphan = shield(sleepForever, { graceMs: 50 });
      });
      await assertCancelledBy(scope, orphan as Promise<void>);
      assert.equal(now(), 50);
    });
  }));

test("a deadline outside does not fire into a shield, and fires when it is left", () =>
  virtually(async () => {
    const value = await moveOnAfter(10, async () => {
      await shield(() => sleep(50));
      assert.equal(now(), 50);
      await checkpoint();
      assert.fail("not reached");
    });
    assert.equal(value, undefined);
  }));

test("when a shield falls, the deadlines outside hold inside, too", () =>
  virtually(async () => {
    await cancelScope(async (outer) => {
      outer.cancel();
      await rejection(
        shield(
          async (scope) => {
            assert.equal(scope.effectiveDeadline, Infinity);
            await sleepForever().catch(() => {});
            outer.deadline = 500;
            assert.equal(scope.effectiveDeadline, 500);
            await checkpoint();
          },
          { graceMs: 10 },
        ),
      );
    });
  }));

test("a deadline or a grace that is no number is a RangeError that names the value, and the timers stay in order", () =>
  virtually(async () => {
    for (const value of ["5", null, {}, [], true] as unknown[]) {
      const named = { name: "RangeError", message: new RegExp(`got ${String(value).replace(/[[\]]/g, "\\$&")}$`) };
      await cancelScope(async (scope) => {
        assert.throws(() => {
          scope.deadline = value as number;
        }, named);
        assert.throws(() => scope.stop({ graceMs: value as number }), named);
        await sleep(1);
      });
      const error = await rejection(cancelScope(() => assert.fail("not called"), { deadline: value as number }));
      assert.ok(error instanceof RangeError);
      assert.match(error.message, named.message);
    }
    assert.equal(currentLoop().time(), 5);
  }));
