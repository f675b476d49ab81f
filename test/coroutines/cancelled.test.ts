/** Cancellation in generators: thrown in at the wait, level-triggered, with cleanup that may wait; stacks; what is abandoned. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  type Coroutine,
  cancelScope,
  checkpoint,
  coroutine,
  currentLoop,
  Event,
  Future,
  isCancelled,
  run,
  shield,
  sleep,
  sleepForever,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { MAX_FAST_REFUSALS } from "../../src/kernel/checkpoint.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

const forever = coroutine(function* forever() {
  yield* until(sleepForever());
});

test("the cancellation is thrown in at the innermost wait, and passes every level", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      const inner = coroutine(function* () {
        try {
          yield* until(sleepForever());
        } catch (error) {
          log.push("inner");
          throw error;
        }
      });
      const task = group.spawn(function* () {
        try {
          yield* inner();
        } finally {
          log.push("outer");
        }
      });
      await waitAllTasksBlocked();
      task.cancel();
      assert.ok(isCancelled(await rejection(task)));
      assert.deepEqual(log, ["inner", "outer"]);
      assert.equal(task.cancelled, true);
    }),
  ));

test("cancellation is level-triggered: each checkpoint throws, in whatever form", () =>
  virtually(async () => {
    let thrown = 0;
    await cancelScope(function* (scope) {
      scope.cancel();
      const future = new Future<void>();
      future.setResult();
      const waits = [
        () => until(checkpoint()),
        () => until(Promise.resolve()),
        () => future,
        () => forever(),
        () => until(sleep(1)),
      ];
      for (const wait of waits) {
        for (let again = 0; again < 3; again++) {
          try {
            yield* wait() as unknown as Iterable<unknown>;
          } catch (error) {
            assert.ok(isCancelled(error) && error.scope === scope);
            thrown++;
          }
          try {
            yield;
          } catch (error) {
            assert.ok(isCancelled(error) && error.scope === scope);
            thrown++;
          }
        }
      }
    });
    assert.equal(thrown, 30);
  }));

test("a plain yield of a promise is no checkpoint: cleanup may wait that way in a cancelled scope", () =>
  virtually(async () => {
    const log: string[] = [];
    await cancelScope(function* (scope) {
      scope.cancel();
      try {
        yield;
      } finally {
        log.push(yield Promise.resolve("waited"));
      }
    });
    assert.deepEqual(log, ["waited"]);
  }));

test("a finally may wait for long, shielded, level by level", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      const level = coroutine(function* (name: string, inner: () => Coroutine<void>) {
        try {
          yield* inner();
        } finally {
          yield shield(() => sleep(10));
          log.push(`${name} at ${currentLoop().time()}`);
        }
      });
      const task = group.spawn(() => level("outer", () => level("inner", forever)));
      await waitAllTasksBlocked();
      task.cancel();
      await rejection(task);
      assert.deepEqual(log, ["inner at 10", "outer at 20"]);
    }),
  ));

test("an error in a finally replaces the cancellation, as in any function", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const ownError = new Error("own");
      const failing = await rejection(
        cancelScope(function* (scope) {
          group.spawn(() => scope.cancel());
          try {
            yield* forever();
          } finally {
            yield Promise.reject(ownError);
          }
        }),
      );
      assert.equal(failing, ownError);
    }),
  ));

test("a value that was delivered in the tick of the cancellation is kept, and the next checkpoint throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<string>();
      const log: unknown[] = [];
      const task = group.spawn(function* () {
        log.push(yield* future);
        yield;
        log.push("never");
      });
      await waitAllTasksBlocked();
      future.setResult("value");
      task.cancel();
      assert.ok(isCancelled(await rejection(task)));
      assert.deepEqual(log, ["value"]);
    }),
  ));

test("shielded, a generator does not notice; nested, an outer cancellation passes the scopes in between", () =>
  virtually(async () => {
    const log: string[] = [];
    const error = await cancelScope(async (scope) => {
      await shield(function* () {
        scope.cancel();
        yield;
        yield* until(sleep(5));
        log.push("shielded");
      });
      return await cancellation(withTimeout(1_000, forever));
    });
    assert.deepEqual(log, ["shielded"]);
    assert.ok(isCancelled(error));
  }));

test("a generator that swallows its cancellation and spins is slowed down and reported", async () => {
  const warnings: string[] = [];
  const note = (warning: Error): void => {
    warnings.push((warning as Error & { code: string }).code);
  };
  process.on("warning", note);
  let isOver = false;
  setImmediate(() => setImmediate(() => setImmediate(() => (isOver = true))));
  let rounds = 0;
  await virtually(() =>
    cancelScope(function* (scope) {
      scope.cancel();
      while (!isOver) {
        rounds++;
        try {
          yield;
        } catch {}
      }
    }),
  );
  await new Promise(setImmediate);
  process.off("warning", note);
  assert.deepEqual(warnings, ["COPPICE_SWALLOWED_CANCELLATION"]);
  assert.ok(rounds < MAX_FAST_REFUSALS + 20);
});

test("a loop of bare yields, and one over what is ready, lets the event loop have its turns", () =>
  run(async () => {
    const ready = new Future<number>();
    ready.setResult(1);
    const once = coroutine(function* () {
      return yield* ready;
    });
    const loops = [
      function* (): Generator<unknown, void> {
        yield;
      },
      function* (): Generator<unknown, void> {
        yield* ready;
      },
      function* (): Generator<unknown, void> {
        yield* once();
      },
      function* (): Generator<unknown, void> {
        yield* until(Promise.resolve());
      },
    ];
    for (const step of loops) {
      let isOver = false;
      setTimeout(() => {
        isOver = true;
      }, 1);
      await coroutine(function* () {
        while (!isOver) yield* step();
      })();
    }
  }));

test("siblings take turns at bare yields", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      for (const name of "ab") {
        group.spawn(function* () {
          for (let step = 0; step < 3; step++) {
            log.push(name + step);
            yield;
          }
        });
      }
      await waitAllTasksBlocked();
      assert.deepEqual(log, ["a0", "b0", "a1", "b1", "a2", "b2"]);
    }),
  ));

test("coroutines and waits in them that nobody awaits raise nothing when they are cancelled", async () => {
  const raised = await unhandledDuring(() =>
    virtually(() =>
      taskGroup(async (group) => {
        const task = group.spawn(async () => {
          void forever();
          void forever().then();
          void until(forever());
          void cancelScope(forever);
          void withTimeout(1_000, function* () {
            yield* forever();
          });
          void shield(forever, { graceMs: 1 });
          await sleepForever();
        });
        await waitAllTasksBlocked();
        task.cancel();
        await sleep(5);
      }),
    ),
  );
  assert.deepEqual(raised, []);
});

test("a real failure of a coroutine that nobody awaits is an unhandled rejection", async () => {
  const ownError = new Error("own");
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      void coroutine(function* () {
        yield;
        throw ownError;
      })().then();
      await sleep(1);
    }),
  );
  assert.deepEqual(raised, [ownError]);
});

/** The names of the user's functions in a stack, innermost first. */
function frames(error: unknown): string[] {
  // A generator that something is thrown into shows twice: itself, and its built-in `throw`.
  const lines = String((error as Error).stack)
    .split("\n")
    .filter((line) => !line.includes("<anonymous>"));
  return lines.flatMap((line) => /at (?:async )?((?:inner|middle|outer)\w*)/.exec(line)?.[1] ?? []);
}

const waits: Record<string, () => Iterable<unknown>> = {
  "until(sleep)": () => until(sleep(1_000)),
  "until(event.wait)": () => until(new Event().wait()),
  "until of a foreign promise": () => until(new Promise(() => {})),
  "a future": () => new Future() as unknown as Iterable<unknown>,
};

for (const [name, wait] of Object.entries(waits)) {
  test(`the stack of a cancellation shows the generator that waited: ${name}`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const innerUser = function* innerUser(): Generator<unknown> {
          yield* wait();
        };
        const middleUser = function* middleUser(): Generator<unknown> {
          yield* innerUser();
        };
        const task = group.spawn(middleUser);
        await waitAllTasksBlocked();
        task.cancel();
        assert.deepEqual(frames(await rejection(task)), ["innerUser", "middleUser"]);
        const refused = group.spawn(function* outerUser() {
          refused.cancel();
          yield* middleUser();
        });
        assert.deepEqual(frames(await rejection(refused)), ["innerUser", "middleUser", "outerUser"]);
      }),
    ));
}

test("waiting in a generator for a task that was cancelled keeps the stack of where that task waited", () =>
  virtually(() =>
    taskGroup(async (group) => {
      async function innerUser(): Promise<void> {
        await sleepForever();
      }
      const task = group.spawn(innerUser);
      const waiting = group.spawn(function* outerUser() {
        try {
          yield* task;
        } catch (error) {
          return error;
        }
        return undefined;
      });
      await waitAllTasksBlocked();
      task.cancel();
      const error = await waiting;
      assert.equal(error, task.error());
      assert.deepEqual(frames(error), ["innerUser"]);
    }),
  ));

test("the stack of a cancellation inside of an async function that a coroutine yields is kept by those around it", () =>
  virtually(() =>
    taskGroup(async (group) => {
      async function innerUser(): Promise<void> {
        await sleepForever();
      }
      const middle = coroutine(function* middleUser() {
        yield innerUser();
      });
      const task = group.spawn(function* outerUser() {
        yield* middle();
      });
      await waitAllTasksBlocked();
      task.cancel();
      assert.deepEqual(frames(await rejection(task)), ["innerUser"]);
    }),
  ));
