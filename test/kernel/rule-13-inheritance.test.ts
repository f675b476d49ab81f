/** Rule 13: the cancel scope comes from the group, context variables (ours and everybody's `AsyncLocalStorage`) from the spawner. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import test from "node:test";
import {
  abortable,
  ContextVar,
  cancelScope,
  coroutine,
  currentScope,
  Event,
  isCancelled,
  moveOnAfter,
  run,
  shield,
  sleep,
  sleepForever,
  supervisor,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const variable = new ContextVar<string>("variable", { default: "default" });
const storage = new AsyncLocalStorage<string>();

test("a child spawned from inside a scope into a group outside of it is not cancelled with that scope", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      await cancelScope((scope) => {
        group.spawn(async () => {
          await sleep(10);
          log.push("lives");
        });
        scope.cancel();
      });
      await sleep(20);
      assert.deepEqual(log, ["lives"]);
    }),
  ));

test("nor is it hidden by that scope's shield", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [task] = await shield(() => [group.spawn(sleepForever)]);
      group.cancelAll();
      assert.ok(isCancelled(await rejection(task)));
    }),
  ));

test("nor does it have that scope's deadline", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let deadline: number | undefined;
      await withTimeout(10, () => {
        group.spawn(() => {
          deadline = currentScope().effectiveDeadline;
        });
      });
      await waitAllTasksBlocked();
      assert.equal(deadline, Infinity);
    }),
  ));

test("a child spawned by a task of another group has the variables of its spawner", () =>
  virtually(() =>
    taskGroup(async (outer) => {
      variable.set("of the body");
      const seen = await storage.run("of the body", () =>
        taskGroup((inner) => {
          const spawner = inner.spawn(() => {
            variable.set("of the spawner");
            return storage.run("of the spawner", () => [outer.spawn(() => [variable.get(), storage.getStore()])]);
          });
          return spawner;
        }),
      );
      assert.deepEqual(await seen[0], ["of the spawner", "of the spawner"]);
      assert.deepEqual([variable.get(), storage.getStore()], ["of the body", undefined]);
    }),
  ));

test("a child sees the values of the moment of spawn, though it starts later", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const seen: unknown[] = [];
      for (const value of ["a", "b", "c"]) {
        variable.set(value);
        storage.run(value, () => group.spawn(() => seen.push(variable.get() + storage.getStore())));
      }
      variable.set("later");
      await waitAllTasksBlocked();
      assert.deepEqual(seen, ["aa", "bb", "cc"]);
    }),
  ));

test("what a child sets is not seen by its spawner, its siblings, or children spawned before", () =>
  virtually(() =>
    taskGroup(async (group) => {
      variable.set("body");
      const seen: string[] = [];
      const go = new Event();
      const look = async (name: string): Promise<void> => {
        await go.wait();
        seen.push(`${name}: ${variable.get()}`);
      };
      group.spawn(async () => {
        group.spawn(() => look("grandchild before"));
        variable.set("child");
        group.spawn(() => look("grandchild after"));
        await look("child");
      });
      group.spawn(() => look("sibling"));
      await waitAllTasksBlocked();
      go.set();
      await waitAllTasksBlocked();
      assert.equal(variable.get(), "body");
      assert.deepEqual(seen.sort(), [
        "child: child",
        "grandchild after: child",
        "grandchild before: body",
        "sibling: body",
      ]);
    }),
  ));

test("what the spawner sets later is not seen by a child", () =>
  virtually(() =>
    taskGroup(async (group) => {
      variable.set("then");
      const go = new Event();
      const task = group.spawn(async () => {
        await go.wait();
        return variable.get();
      });
      await waitAllTasksBlocked();
      variable.set("now");
      go.set();
      assert.equal(await task, "then");
    }),
  ));

const scopes: Record<string, (fn: () => Promise<void>) => PromiseLike<unknown>> = {
  cancelScope: (fn) => cancelScope(fn),
  moveOnAfter: (fn) => moveOnAfter(1_000, fn),
  withTimeout: (fn) => withTimeout(1_000, fn),
  "shield with grace": (fn) => shield(fn, { graceMs: 1 }),
  taskGroup: (fn) => taskGroup(fn),
  supervisor: (fn) => supervisor(fn),
  abortable: (fn) => abortable(fn),
  "run inside run": (fn) => run(fn),
  "an awaited function": (fn) => fn(),
  "all of them": (fn) =>
    cancelScope(() => withTimeout(900, () => taskGroup(() => shield(() => moveOnAfter(900, fn), { graceMs: 1 })))),
};

for (const [name, open] of Object.entries(scopes)) {
  test(`${name}: a variable set inside, before and after a wait, stays set in the same task`, () =>
    virtually(async () => {
      variable.set("before");
      await open(async () => {
        assert.equal(variable.get(), "before");
        variable.set("inside");
        await sleep(1);
        assert.equal(variable.get(), "inside");
      });
      assert.equal(variable.get(), "inside");
      await open(async () => {
        await sleep(1);
        variable.set("after a wait");
      });
      assert.equal(variable.get(), "after a wait");
    }));

  test(`${name}: a variable set inside stays set where the scope throws or is cut`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        await rejection(
          open(async () => {
            await sleep(1);
            variable.set("thrown");
            throw new Error("own");
          }),
        );
        assert.equal(variable.get(), "thrown");
        const task = group.spawn(async () => {
          await rejection(
            open(async () => {
              variable.set("cut");
              await sleepForever();
            }),
          );
          return variable.get();
        });
        await waitAllTasksBlocked();
        task.cancel();
        assert.equal(await task, "cut");
      }),
    ));
}

test("start: the child has the variables of its caller, at the moment of the call", () =>
  virtually(() =>
    taskGroup(async (group) => {
      variable.set("caller");
      const starting = storage.run("caller", () =>
        group.start<unknown[]>((started) => started([variable.get(), storage.getStore()])),
      );
      variable.set("later");
      assert.deepEqual(await starting, ["caller", "caller"]);
    }),
  ));

test("start: what the child set before it was ready is its own", () =>
  virtually(() =>
    taskGroup(async (group) => {
      variable.set("caller");
      await group.start((started) => {
        variable.set("child");
        started();
      });
      assert.equal(variable.get(), "caller");
    }),
  ));

test("start into a group outside: the scope is the group's, not the caller's", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let shielded: unknown;
      await withTimeout(10, () =>
        shield(() =>
          group.start(async (started) => {
            shielded = currentScope().effectiveDeadline;
            started();
            await sleepForever();
          }),
        ),
      );
      assert.equal(shielded, Infinity);
      await sleep(20);
      group.cancelAll();
    }),
  ));

test("a generator task inherits, sets, and delegates like any other; a coroutine is no task and sets for its caller", () =>
  virtually(() =>
    taskGroup(async (group) => {
      variable.set("body");
      const inner = coroutine(function* () {
        const before = variable.get();
        variable.set("by the coroutine");
        yield* until(sleep(1));
        return before;
      });
      const seen = await group.spawn(function* () {
        const first = variable.get();
        variable.set("task");
        yield;
        return [first, yield* inner(), variable.get()];
      });
      assert.deepEqual(seen, ["body", "task", "by the coroutine"]);
      assert.equal(variable.get(), "body");
      assert.equal(await inner(), "body");
      assert.equal(variable.get(), "by the coroutine");
    }),
  ));

test("AsyncLocalStorage in a generator is that of whoever runs it, at each step", () =>
  virtually(async () => {
    const seen: unknown[] = [];
    const steps = coroutine(function* () {
      seen.push(storage.getStore());
      yield* until(sleep(1));
      seen.push(storage.getStore());
      yield;
      seen.push(storage.getStore());
    });
    await storage.run("runner", () => cancelScope(() => steps()));
    assert.deepEqual(seen, ["runner", "runner", "runner"]);
  }));

test("AsyncLocalStorage that is entered in the body of a group is seen by children spawned from there on", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const seen: unknown[] = [];
      group.spawn(() => seen.push(storage.getStore()));
      storage.enterWith("entered");
      group.spawn(() => seen.push(storage.getStore()));
      await waitAllTasksBlocked();
      assert.deepEqual(seen, [undefined, "entered"]);
    }),
  ));

test("whoever cancels does not lend its variables to the cleanup of the cancelled", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const seen: unknown[] = [];
      variable.set("of the cancelled");
      const task = storage.run("of the cancelled", () =>
        group.spawn(async () => {
          await rejection(sleepForever());
          seen.push(variable.get(), storage.getStore());
        }),
      );
      const canceller = group.spawn(async () => {
        variable.set("of the canceller");
        await sleep(1);
        storage.run("of the canceller", () => task.cancel());
      });
      await canceller;
      await task;
      assert.deepEqual(seen, ["of the cancelled", "of the cancelled"]);
    }),
  ));

test("run outside of every run has the values set outside; what it sets stays inside", async () => {
  const outer = new ContextVar<string>("outer");
  outer.set("outside");
  await virtually(() => {
    assert.equal(outer.get(), "outside");
    outer.set("inside");
    assert.equal(outer.get(), "inside");
  });
  assert.equal(outer.get(), "outside");
});

test("a combination of scopes of one task and its children: each child has what its own spawner had", () =>
  virtually(async () => {
    variable.set("0");
    const seen = await taskGroup(async (group) => {
      const one = group.spawn(() => variable.get());
      return await cancelScope(async () => {
        variable.set("1");
        const two = group.spawn(() => variable.get());
        const three = withTimeout(10, async () => {
          await sleep(1);
          variable.set("2");
          return await group.spawn(() => variable.get());
        });
        return [await one, await two, await three, variable.get()];
      });
    });
    assert.deepEqual(seen, ["0", "1", "2", "2"]);
  }));

test("the cancellation that a child gets from its group names the group, not a scope of its spawner", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let error: unknown;
      await cancelScope(async (scope) => {
        group.spawn(async () => {
          error = await cancellation(sleepForever());
        });
        await waitAllTasksBlocked();
        scope.cancel("the spawner's");
      });
      group.cancelAll("the group's");
      await waitAllTasksBlocked();
      assert.equal(isCancelled(error) && error.reason, "the group's");
    }),
  ));
