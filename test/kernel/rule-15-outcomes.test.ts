/** Rule 15 for the waits for an outcome: abandoned, they raise nothing when they are cancelled, and drop no real failure. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  coroutine,
  Future,
  isCancelled,
  sleep,
  sleepForever,
  supervisor,
  type TaskGroup,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

const ownError = new Error("own");

/** Begins waits for `future` in all ways that there are, and lets go of them. */
const abandonments: Record<string, (future: Future<string>, group: TaskGroup) => unknown> = {
  "then without callbacks": (future) => future.then(),
  "then with one callback": (future) => future.then(() => {}),
  "an async function": async (future) => {
    void until(future);
    await withTimeout(Infinity, () => future);
  },
  until: (future) => until(future),
  "a coroutine": (future) =>
    coroutine(function* () {
      yield* future;
    })().then(),
  "a start that waits for it": (future, group) =>
    group.start(async (started: (value: string) => void) => started(await future)),
  "a scope": (future) => withTimeout(1_000, () => future),
  "Promise.resolve": (future) => withTimeout(1_000, () => Promise.resolve(future)),
};

for (const [name, begin] of Object.entries(abandonments)) {
  const ends: Record<string, (future: Future<string>, task: { cancel(): void }) => unknown> = {
    "its waiter is cancelled": (_, task) => task.cancel(),
    "it is cancelled": (future) => future.cancel(),
    "both are, in one tick": (future, task) => {
      future.cancel();
      task.cancel();
    },
    "both are, the waiter first": (future, task) => {
      task.cancel();
      future.cancel();
    },
  };
  for (const [what, end] of Object.entries(ends)) {
    test(`${name}, abandoned, raises nothing where ${what}`, async () => {
      const raised = await unhandledDuring(() =>
        virtually(() =>
          supervisor(async (group) => {
            const future = new Future<string>();
            const task = group.spawn(async () => {
              const begun = begin(future, group) as Promise<unknown>;
              // An async function's own promise is the user's.
              if (name === "an async function") begun.catch(() => {});
              await sleepForever();
            });
            await waitAllTasksBlocked();
            end(future, task);
            await sleep(5);
            task.cancel();
          }),
        ),
      );
      assert.deepEqual(raised, []);
    });
  }

  test(`${name}, abandoned, does not drop a real failure`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(() =>
        supervisor(async (group) => {
          const future = new Future<string>();
          const task = group.spawn(async () => {
            void begin(future, group);
            await sleepForever();
          });
          await waitAllTasksBlocked();
          future.setError(ownError);
          await sleep(5);
          task.cancel();
        }),
      ),
    );
    assert.ok(raised.length >= 1);
    for (const reason of raised) assert.equal(reason, ownError);
  });
}

test("a start that is given up raises nothing, whoever awaits what", async () => {
  const raised = await unhandledDuring(() =>
    virtually(() =>
      taskGroup(async (group) => {
        const task = group.spawn(async () => {
          void group.start(sleepForever);
          void group.start(async () => {
            await rejection(sleepForever());
          });
          void group.start(sleepForever, { background: true });
          await sleepForever();
        });
        await waitAllTasksBlocked();
        task.cancel();
        assert.ok(isCancelled(await rejection(task)));
        await sleep(1);
        group.cancelAll();
      }),
    ),
  );
  assert.deepEqual(raised, []);
});
