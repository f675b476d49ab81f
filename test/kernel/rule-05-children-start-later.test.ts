/** Rule 5: children start later, never inside `spawn`, in the context of their spawner, in an order that a seed fixes. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import test from "node:test";
import {
  cancelScope,
  checkpoint,
  currentScope,
  currentTask,
  isCancelled,
  run,
  sleepForever,
  type Task,
  taskGroup,
} from "coppice";
import { virtualRun } from "coppice/testing";
import { virtually } from "../support/virtual.ts";

async function startOrder(children: number, seed?: number): Promise<string> {
  const order: number[] = [];
  await virtually(
    () =>
      taskGroup((group) => {
        for (let child = 0; child < children; child++) group.spawn(() => order.push(child));
      }),
    seed === undefined ? {} : { seed },
  );
  return order.join();
}

test("spawn returns before the child has begun", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      const task = group.spawn(() => {
        log.push("child");
      });
      log.push("spawner");
      assert.equal(task.done, false);
      await task;
      assert.deepEqual(log, ["spawner", "child"]);
    }),
  ));

test("siblings start in order without a seed, on the virtual and on the real loop", async () => {
  assert.equal(await startOrder(8), "0,1,2,3,4,5,6,7");
  const order: number[] = [];
  await run(() =>
    taskGroup((group) => {
      for (let child = 0; child < 4; child++) group.spawn(() => order.push(child));
    }),
  );
  assert.deepEqual(order, [0, 1, 2, 3]);
});

test("the same seed gives the same start order, different seeds differ, and all children start", async () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const order = await startOrder(8, seed);
    assert.equal(await startOrder(8, seed), order);
    assert.deepEqual(order.split(",").sort(), ["0", "1", "2", "3", "4", "5", "6", "7"]);
    orders.add(order);
  }
  assert.ok(orders.size > 10, `${orders.size} different orders of 20`);
});

test("a child runs in the asynchronous context of its spawner, also in a drawn order", async () => {
  for (const seed of [undefined, 1, 2]) {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    await virtually(
      () =>
        storage.run("body", () =>
          taskGroup((group) => {
            group.spawn(() => seen.push(storage.getStore()));
            storage.run("inner", () => group.spawn(() => seen.push(storage.getStore())));
            storage.exit(() => group.spawn(() => seen.push(storage.getStore())));
          }),
        ),
      seed === undefined ? {} : { seed },
    );
    assert.deepEqual(seen.sort(), ["body", "inner", undefined].sort());
  }
});

test("a child's cancel scope comes from its group, wherever it was spawned", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      await cancelScope(async (scope) => {
        const task = group.spawn(async () => {
          assert.notEqual(currentScope(), scope);
          await checkpoint();
          log.push("not cancelled");
        });
        scope.cancel();
        await assert.rejects(checkpoint(), isCancelled);
        void task;
      });
      await checkpoint();
      assert.deepEqual(log, ["not cancelled"]);
    }),
  ));

test("a child spawned into a cancelled group runs to its first checkpoint", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup(async (group) => {
      group.cancelAll();
      group.spawn(async () => {
        log.push("started");
        await Promise.resolve();
        log.push("a foreign await is no checkpoint");
        await checkpoint();
        log.push("not reached");
      });
    });
    assert.deepEqual(log, ["started", "a foreign await is no checkpoint"]);
  }));

test("a task cancelled through its handle before it starts runs to its first checkpoint", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup(async (group) => {
      const task = group.spawn(async () => {
        log.push("started");
        await sleepForever();
      });
      task.cancel();
      await assert.rejects(async () => await task, isCancelled);
    });
    assert.deepEqual(log, ["started"]);
  }));

test("currentTask is the task itself, in its scopes too, and has the name it was given", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const parent = currentTask();
      let seen: Task<unknown> | undefined;
      const task = group.spawn(
        async () => {
          const own = currentTask();
          assert.equal(own?.name, "worker");
          await cancelScope(() => assert.equal(currentTask(), own));
          seen = own;
        },
        { name: "worker" },
      );
      await task;
      assert.ok(seen === task);
      assert.ok(currentTask() === parent);
      assert.equal(group.spawn(function named() {}).name, "named");
    }),
  ));

test("a whole run is the same for the same seed", async () => {
  const trace = async (seed: number): Promise<string> => {
    const log: string[] = [];
    await virtualRun(
      async () => {
        await taskGroup((group) => {
          for (const name of "abcdef") {
            group.spawn(() =>
              taskGroup((inner) => {
                for (const digit of "123") inner.spawn(() => log.push(name + digit));
              }),
            );
          }
        });
      },
      { seed },
    );
    return log.join();
  };
  assert.equal(await trace(7), await trace(7));
  assert.notEqual(await trace(7), await trace(8));
});
