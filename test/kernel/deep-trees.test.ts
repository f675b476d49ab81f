/** Trees that are deep or wide: nothing in the kernel recurses by their depth. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type CancelScope,
  cancelScope,
  checkpoint,
  currentScope,
  isCancelled,
  run,
  shield,
  sleepForever,
  suppressedErrors,
  taskGroup,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const DEPTH = 5_000;

/** Opens scopes in each other, each in a microtask of its own, as nested awaits do. */
async function nest<T>(
  depth: number,
  open: (body: () => Promise<T>) => Promise<T>,
  innermost: () => Promise<T>,
): Promise<T> {
  if (depth === 0) return innermost();
  return open(async () => {
    await Promise.resolve();
    return nest(depth - 1, open, innermost);
  });
}

test("5,000 nested scopes are cancelled from the top", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let cleanups = 0;
      const task = group.spawn(() =>
        nest<unknown>(
          DEPTH,
          (body) => cancelScope(body).finally(() => cleanups++),
          () => sleepForever(),
        ),
      );
      await waitAllTasksBlocked();
      task.cancel("from the top");
      const error = await rejection(task);
      assert.ok(isCancelled(error));
      assert.equal(error.reason, "from the top");
      assert.equal(cleanups, DEPTH);
    }),
  ));

test("in 5,000 nested scopes a deadline and a stop at the top are seen at the bottom", () =>
  virtually(async () => {
    let top!: CancelScope;
    const value = await cancelScope((scope) => {
      top = scope;
      return nest<string>(
        DEPTH,
        async (body) => (await cancelScope(body)) ?? "cut",
        async () => {
          const bottom = currentScope();
          assert.equal(bottom.effectiveDeadline, Infinity);
          top.deadline = 10;
          assert.equal(bottom.effectiveDeadline, 10);
          top.stop({ graceMs: Infinity });
          await bottom.whenStopping();
          await sleepForever();
          return "not reached";
        },
      );
    });
    assert.equal(value, undefined);
  }));

test("5,000 nested shields hide and then end one by one", () =>
  virtually(async () => {
    const value = await cancelScope((scope) => {
      scope.cancel();
      return nest<string>(DEPTH, shield, async () => {
        await checkpoint();
        return "hidden";
      });
    });
    assert.equal(value, "hidden");
  }));

test("5,000 nested task groups are cancelled from the top", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let cleanups = 0;
      const task = group.spawn(() =>
        nest<unknown>(
          DEPTH,
          (body) => taskGroup(body).finally(() => cleanups++),
          () => sleepForever(),
        ),
      );
      await waitAllTasksBlocked();
      task.cancel();
      assert.ok(isCancelled(await rejection(task)));
      assert.equal(cleanups, DEPTH);
    }),
  ));

test("a failure at the bottom of 5,000 groups, each in a child of the one around, comes out unchanged", () =>
  virtually(async () => {
    const error = new Error("deep");
    const dig = (depth: number): Promise<void> =>
      taskGroup((group) => {
        group.spawn(() => {
          if (depth === 0) throw error;
          return dig(depth - 1);
        });
      });
    assert.equal(await rejection(dig(DEPTH)), error);
    assert.deepEqual(suppressedErrors(error), []);
  }));

test("5,000 scopes nested by calls alone need no more stack than the calls", () =>
  virtually(async () => {
    // Synchronously nested bodies do recurse, in the user's code; some hundreds of them must do.
    const open = (depth: number): Promise<unknown> =>
      cancelScope(() => (depth === 0 ? sleepForever() : open(depth - 1)));
    await cancelScope(async (scope) => {
      const waiting = open(500);
      scope.cancel();
      await waiting;
    });
  }));

for (const [count, what] of [
  [500, "oldest first"],
  [20_000, "all of them"],
] as const) {
  test(`${count} tasks in one group are cancelled, ${what}`, () =>
    virtually(async () => {
      const order: number[] = [];
      await taskGroup(async (group) => {
        for (let child = 0; child < count; child++) {
          group.spawn(async () => {
            try {
              await sleepForever();
            } finally {
              order.push(child);
            }
          });
        }
        await waitAllTasksBlocked();
        group.cancelAll();
      });
      // With more, some had to let the loop breathe on the way in, and hear of it later.
      if (count > 500) order.sort((a, b) => a - b);
      assert.equal(order.length, count);
      assert.ok(order.every((child, index) => child === index));
    }));
}

test("5,000 runs in runs", () =>
  virtually(async () => {
    assert.equal(
      await nest<string>(
        DEPTH,
        (body) => run(body),
        async () => "bottom",
      ),
      "bottom",
    );
  }));
