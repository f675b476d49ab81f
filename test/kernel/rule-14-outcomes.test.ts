/** Rule 14 for the waits for an outcome: futures, tasks and starts show who waited, by the user's functions alone. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  cancelScope,
  Future,
  InvalidStateError,
  moveOnAfter,
  run,
  sleepForever,
  type TaskGroup,
  taskGroup,
  until,
} from "coppice";
import { VirtualLoop, waitAllTasksBlocked } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** The names of the user's functions in a stack, innermost first. */
function users(error: unknown): string[] {
  return String((error as Error).stack)
    .split("\n")
    .flatMap((line) => /at (?:async )?(?:\w+\.)?(\w+User)\b/.exec(line)?.[1] ?? []);
}

const waits: Record<string, (group: TaskGroup) => () => PromiseLike<unknown>> = {
  "await future": () => {
    const future = new Future();
    return () => future;
  },
  "until(future)": () => {
    const future = new Future();
    return () => until(future);
  },
  "await task": (group) => {
    const task = group.spawn(sleepForever, { background: true });
    return () => task;
  },
  "group.start": (group) => () => group.start(sleepForever),
};

for (const [name, open] of Object.entries(waits)) {
  const cases: Record<string, (wait: () => Promise<void>, group: TaskGroup) => Promise<unknown>> = {
    "a wait that was cut short": async (wait, group) => {
      const task = group.spawn(wait);
      await waitAllTasksBlocked();
      task.cancel();
      return await rejection(task);
    },
    "a wait that was refused on entry": (wait) =>
      cancelScope(async (scope) => {
        scope.cancel();
        return await rejection(wait());
      }),
    "a wait that a deadline cut short": async (wait) => {
      let error: unknown;
      await moveOnAfter(5, async () => {
        error = await cancellation(wait());
      });
      return error;
    },
  };
  for (const [what, cut] of Object.entries(cases)) {
    test(`${name}: the Cancelled of ${what} shows who waited`, () =>
      virtually(() =>
        taskGroup(async (group) => {
          const wait = open(group);
          async function innerUser(): Promise<void> {
            await wait();
          }
          async function outerUser(): Promise<void> {
            await innerUser();
          }
          assert.deepEqual(users(await cut(outerUser, group)).slice(0, 2), ["innerUser", "outerUser"]);
        }),
      ));
  }
}

test("the order drawn: the stacks are the same", async () => {
  for (let seed = 0; seed < 10; seed++) {
    const future = new Future();
    async function innerUser(): Promise<void> {
      await future;
    }
    const error = await run(
      () =>
        taskGroup(async (group) => {
          const task = group.spawn(innerUser);
          await waitAllTasksBlocked();
          task.cancel();
          return await rejection(task);
        }),
      { loop: new VirtualLoop({ seed }) },
    );
    assert.deepEqual(users(error), ["innerUser"]);
  }
});

test("an error that a future was set with keeps its own stack, however often it is thrown", () =>
  virtually(async () => {
    function settlerUser(): Error {
      return new Error("own");
    }
    const future = new Future();
    const error = settlerUser();
    const { stack } = error;
    future.setError(error);
    for (let again = 0; again < 2; again++) assert.equal(await rejection(future), error);
    assert.equal(error.stack, stack);
  }));

test("an InvalidStateError of a future or a task shows who asked", () =>
  virtually(() =>
    taskGroup((group) => {
      const future = new Future<void>();
      const task = group.spawn(sleepForever, { background: true });
      function askingUser(): unknown[] {
        return [() => future.result(), () => future.error(), () => task.result(), () => task.error()].map((ask) => {
          try {
            ask();
          } catch (error) {
            return error;
          }
          return undefined;
        });
      }
      for (const error of askingUser()) {
        assert.ok(error instanceof InvalidStateError);
        assert.ok(users(error).includes("askingUser"));
      }
    }),
  ));
