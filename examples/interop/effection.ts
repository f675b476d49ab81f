/**
 * Coppice and Effection in one program, on one event loop, each waiting for the other.
 *
 *   npm run example -- interop/effection
 *
 * Both are structured: what is stopped cleans up, and whoever stopped it waits for that. Two small adapters carry this across the border,
 * one for each direction; values and errors pass unchanged.
 */
import assert from "node:assert/strict";
import { isCancelled, main, moveOnAfter, run, shield, sleep, sleepForever, taskGroup, until } from "coppice";
import * as effection from "effection";

/** Waits for an operation of Effection. Cancelled, it halts the operation, and waits until its cleanup is done. */
async function operate<T>(operation: () => effection.Operation<T>): Promise<T> {
  const task = effection.run(operation);
  try {
    return await until(task);
  } catch (error) {
    if (isCancelled(error)) await shield(() => task.halt());
    throw error;
  }
}

/** Runs `fn` as a tree of tasks, as an operation of Effection. Halted, it cancels the tree, and waits until its cleanup is done. */
function* tasks<T>(fn: () => Promise<T>): effection.Operation<T> {
  const controller = new AbortController();
  const running = run(fn, { signal: controller.signal });
  try {
    return yield* effection.until(running);
  } finally {
    controller.abort("halted");
    yield* effection.until(
      running.catch((error: unknown) => {
        if (!isCancelled(error)) throw error;
      }),
    );
  }
}

let lines = 0;
function tell(line: string): void {
  lines++;
  console.log(line);
}

await main(async () => {
  const error = new Error("an error");

  console.log("Coppice waits for Effection");
  const value = await operate(function* () {
    yield* effection.sleep(1);
    return "a value";
  });
  assert.equal(value, "a value");
  await assert.rejects(
    operate(function* () {
      yield* effection.sleep(1);
      throw error;
    }),
    (thrown) => thrown === error,
  );
  const outcome = await moveOnAfter(20, () =>
    operate(function* () {
      try {
        yield* effection.suspend();
      } finally {
        yield* effection.sleep(5);
        tell("  the operation was halted and has cleaned up");
      }
    }),
  );
  assert.equal(outcome, undefined);
  tell("  the scope whose time was up goes on after that");

  console.log("Effection waits for Coppice");
  await effection.run(function* () {
    const text = yield* tasks(async () => {
      await sleep(1);
      return "a value";
    });
    assert.equal(text, "a value");
    try {
      yield* tasks(() => sleep(1).then(() => Promise.reject(error)));
      assert.fail("it failed");
    } catch (thrown) {
      assert.equal(thrown, error);
    }
    yield* effection.race([
      effection.sleep(20),
      tasks(() =>
        taskGroup(async (group) => {
          group.spawn(async () => {
            try {
              await sleepForever();
            } finally {
              await shield(() => sleep(5));
              tell("  a task of the tree was cancelled and has cleaned up");
            }
          });
          await sleepForever();
        }),
      ),
    ]);
    tell("  the operation that won the race goes on after that");
  });

  console.log("Coppice waits for Effection, which waits for Coppice");
  await moveOnAfter(20, () =>
    operate(function* () {
      try {
        yield* tasks(async () => {
          try {
            await sleepForever();
          } finally {
            await shield(() => sleep(5));
            tell("  the innermost has cleaned up");
          }
        });
      } finally {
        yield* effection.sleep(5);
        tell("  so has the one in the middle");
      }
    }),
  );
  tell("  and the outermost goes on");
  assert.equal(lines, 7);
});
