/** Rule 1: no task outlives its group. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  ClosedError,
  channel,
  currentLoop,
  Event,
  shield,
  sleep,
  sleepForever,
  type Task,
  type TaskGroup,
  taskGroup,
} from "coppice";
import { virtualRun, waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("a group gives the value of its body once every child has ended", () =>
  virtually(async () => {
    const log: string[] = [];
    const value = await taskGroup((group) => {
      group.spawn(async () => {
        await sleep(20);
        log.push("slow child");
      });
      group.spawn(async () => {
        await sleep(10);
        log.push("quick child");
      });
      log.push("body");
      return 42;
    });
    assert.equal(value, 42);
    assert.deepEqual(log, ["body", "quick child", "slow child"]);
    assert.equal(currentLoop().time(), 20);
  }));

test("the cleanup of a cancelled child is waited for", () =>
  virtually(async () => {
    let isClean = false;
    await taskGroup(async (group) => {
      group.spawn(async () => {
        try {
          await sleepForever();
        } finally {
          await shield(() => sleep(50));
          isClean = true;
        }
      });
      await sleep(1);
      group.cancelAll();
    });
    assert.ok(isClean);
    assert.equal(currentLoop().time(), 51);
  }));

test("a failing group waits for the cleanup of its children before it rejects", () =>
  virtually(async () => {
    let isClean = false;
    const error = new Error("body");
    const group = taskGroup(async (group) => {
      group.spawn(async () => {
        try {
          await sleepForever();
        } finally {
          await shield(() => sleep(50));
          isClean = true;
        }
      });
      await sleep(1);
      throw error;
    });
    assert.equal(await rejection(group), error);
    assert.ok(isClean);
  }));

test("a group waits for a child that is stuck in a foreign await, cancelled or not", () =>
  virtually(async () => {
    const foreign = Promise.withResolvers<void>();
    const log: string[] = [];
    await taskGroup(async (outer) => {
      outer.spawn(async () => {
        await taskGroup((group) => {
          group.spawn(() => foreign.promise);
          group.cancelAll();
        });
        log.push("inner group over");
      });
      await sleep(100);
      log.push("foreign promise settles");
      foreign.resolve();
    });
    assert.deepEqual(log, ["foreign promise settles", "inner group over"]);
  }));

test("a child may spawn siblings after the body has returned", () =>
  virtually(async () => {
    const log: number[] = [];
    await taskGroup((group) => {
      const next = async (n: number): Promise<void> => {
        await sleep(1);
        log.push(n);
        if (n < 5) group.spawn(() => next(n + 1));
      };
      group.spawn(() => next(1));
    });
    assert.deepEqual(log, [1, 2, 3, 4, 5]);
  }));

test("a sibling spawned as the very last act of the last child is waited for", () =>
  virtually(async () => {
    let hasRun = false;
    await taskGroup((group) => {
      group.spawn(() => {
        group.spawn(async () => {
          await sleep(1);
          hasRun = true;
        });
      });
    });
    assert.ok(hasRun);
  }));

test("one who spawns as soon as the last child is done is either in time or told so", () =>
  virtually(() =>
    taskGroup(async (outer) => {
      const log: string[] = [];
      const [sender, receiver] = channel<{ group: TaskGroup; task: Task<void> }>(1);
      outer.spawn(async () => {
        const { group, task } = await receiver.receive();
        await task;
        try {
          group.spawn(async () => {
            await sleep(5);
            log.push("late child");
          });
        } catch (error) {
          log.push((error as Error).name);
        }
      });
      await taskGroup(async (group) => {
        const task = group.spawn(() => sleep(1));
        await sender.send({ group, task });
      });
      log.push("group over");
      await waitAllTasksBlocked();
      assert.ok(
        ["late child,group over", "group over,ClosedError", "ClosedError,group over"].includes(log.join()),
        log.join(),
      );
    }),
  ));

test("spawn into a settled group throws ClosedError and starts nothing", () =>
  virtually(async () => {
    let kept: TaskGroup | undefined;
    let hasRun = false;
    await taskGroup((group) => {
      kept = group;
    });
    assert.throws(
      () =>
        kept?.spawn(
          () => {
            hasRun = true;
          },
          { name: "late" },
        ),
      (error: unknown) => error instanceof ClosedError && error.code === "CLOSED" && error.message.includes('"late"'),
    );
    await sleep(1);
    assert.equal(hasRun, false);
  }));

test("a child spawned into a cancelled group is waited for, too", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup(async (group) => {
      group.cancelAll();
      await sleep(1);
      group.spawn(async () => {
        log.push("started");
        try {
          await sleepForever();
        } finally {
          log.push("ended");
        }
      });
    });
    assert.deepEqual(log, ["started", "ended"]);
  }));

test("a task does not settle before the scopes that it opened and did not await", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup(async (group) => {
      const task = group.spawn(() => {
        void taskGroup((inner) => {
          inner.spawn(async () => {
            await sleep(10);
            log.push("inner");
          });
        });
        return "value";
      });
      await waitAllTasksBlocked();
      assert.equal(task.done, false);
      assert.equal(await task, "value");
      log.push("joined");
    });
    assert.deepEqual(log, ["inner", "joined"]);
  }));

test("a group waits for scopes that its body opened and did not await", () =>
  virtually(async () => {
    const log: string[] = [];
    await taskGroup(() => {
      void shield(async () => {
        await sleep(10);
        log.push("shielded");
      });
    });
    assert.deepEqual(log, ["shielded"]);
  }));

test("run waits for what was started inside and not awaited", async () => {
  const log: string[] = [];
  await virtualRun(() => {
    void taskGroup((group) => {
      group.spawn(async () => {
        await sleep(10);
        log.push("child");
      });
    });
    log.push("body");
  });
  assert.deepEqual(log, ["body", "child"]);
});

test("code that outlives its scope waits in the scope around it, which can still cancel it", () =>
  virtually(async () => {
    const go = new Event();
    const log: string[] = [];
    await taskGroup(async (group) => {
      group.spawn(async () => {
        const straggle = async (): Promise<void> => {
          await go.wait();
          try {
            await sleepForever();
          } finally {
            log.push("ended");
          }
        };
        let straggler: Promise<void> | undefined;
        await shield(() => {
          straggler = straggle();
        });
        await straggler;
      });
      await waitAllTasksBlocked();
      go.set();
      await waitAllTasksBlocked();
      group.cancelAll();
    });
    assert.deepEqual(log, ["ended"]);
  }));

test("a task group that code opens after its scope was left is waited for by the task", () =>
  virtually(async () => {
    const go = new Event();
    const log: string[] = [];
    await taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await shield(() => {
          void (async () => {
            await go.wait();
            await taskGroup((inner) => {
              inner.spawn(async () => {
                await sleep(10);
                log.push("inner");
              });
            });
          })();
        });
        await go.wait();
        await sleep(1);
      });
      await waitAllTasksBlocked();
      go.set();
      await task;
      log.push("joined");
    });
    assert.deepEqual(log, ["inner", "joined"]);
  }));
