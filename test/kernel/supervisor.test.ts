/** Supervisors, groups of errors, and handling them by kind (rule 2). */
import assert from "node:assert/strict";
import test from "node:test";
import {
  cancelScope,
  ErrorGroup,
  handleGroup,
  isCancelled,
  run,
  shield,
  sleep,
  sleepForever,
  supervisor,
  suppressedErrors,
  type Task,
  taskGroup,
} from "coppice";
import { collectGarbage } from "../support/garbage.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

function failing(error: unknown, afterMs = 0): () => Promise<never> {
  return async () => {
    await sleep(afterMs);
    throw error;
  };
}

const first = new TypeError("first");
const second = new RangeError("second");

test("a failing child cancels nobody, and the failures that nobody saw are thrown together at the end", () =>
  virtually(async () => {
    const log: string[] = [];
    const error = await rejection(
      supervisor(async (group) => {
        group.spawn(failing(first, 1));
        group.spawn(failing(second, 2));
        group.spawn(async () => {
          await sleep(10);
          log.push("sibling");
        });
        await sleep(5);
        log.push("body");
      }),
    );
    assert.deepEqual(log, ["body", "sibling"]);
    assert.ok(error instanceof ErrorGroup && error instanceof AggregateError);
    assert.deepEqual(error.errors, [first, second]);
    assert.equal(error.code, "ERROR_GROUP");
  }));

test("a lone unseen failure comes as a group too", () =>
  virtually(async () => {
    const error = await rejection(supervisor((group) => void group.spawn(failing(first))));
    assert.ok(error instanceof ErrorGroup);
    assert.deepEqual(error.errors, [first]);
  }));

for (const [how, see] of [
  ["awaited", async (task: { then: unknown }) => assert.equal(await rejection(task as Promise<never>), first)],
  ["looked at with error()", async (task: { error(): unknown }) => assert.equal(task.error(), first)],
  ["asked for with result()", async (task: { result(): unknown }) => assert.throws(() => task.result(), first)],
] as const) {
  test(`a failure that was ${how} is not thrown again`, () =>
    virtually(async () => {
      const value = await supervisor(async (group) => {
        const task = group.spawn(failing(first));
        await sleep(5);
        await see(task);
        return "value";
      });
      assert.equal(value, "value");
    }));
}

for (const [how, see] of [
  ["awaited", (task: Task<never>) => rejection(task)],
  ["looked at later on", (task: Task<never>) => sleep(0).then(() => task.error())],
] as const) {
  test(`a supervisor that lives for long keeps no failure that was ${how}`, () =>
    run(() =>
      supervisor(async (group) => {
        const errors: WeakRef<Error>[] = [];
        for (let count = 0; count < 1_000; count++) {
          await see(
            group.spawn(async () => {
              const error = new Error("seen");
              errors.push(new WeakRef(error));
              throw error;
            }),
          );
        }
        await collectGarbage();
        const kept = errors.filter((error) => error.deref() !== undefined).length;
        assert.ok(kept < 100, `${kept} of 1,000 failures are kept`);
      }),
    ));
}

test("a wait for a task that was cut short has not seen its failure", () =>
  virtually(async () => {
    const error = await rejection(
      supervisor(async (group) => {
        const task = group.spawn(failing(first, 10));
        await cancelScope(async (scope) => {
          scope.cancel();
          await task;
        });
      }),
    );
    assert.ok(error instanceof ErrorGroup);
  }));

test("a child that was cancelled by its handle or by cancelAll is no failure", () =>
  virtually(async () => {
    await supervisor(async (group) => {
      group.spawn(sleepForever).cancel("by hand");
      group.spawn(sleepForever);
      await sleep(1);
      group.cancelAll("all");
    });
  }));

test("a failing body cancels the children and is rethrown unchanged, with the children's failures kept", () =>
  virtually(async () => {
    let wasCancelled = false;
    const error = await rejection(
      supervisor(async (group) => {
        group.spawn(failing(second));
        group.spawn(async () => {
          wasCancelled = isCancelled(await rejection(sleepForever()));
        });
        await sleep(5);
        throw first;
      }),
    );
    assert.equal(error, first);
    assert.ok(wasCancelled);
    const [kept] = suppressedErrors(first) as [ErrorGroup];
    assert.deepEqual(kept.errors, [second]);
  }));

test("a cancellation around a supervisor reaches its children and passes", () =>
  virtually(async () => {
    const value = await cancelScope(async (scope) => {
      scope.cancel();
      return await supervisor(async (group) => {
        await group.spawn(sleepForever);
        return "value";
      });
    });
    assert.equal(value, undefined);
  }));

const third = new TypeError("third");
const nested = new ErrorGroup([first, new ErrorGroup([second, third], "inner")], "outer");

test("split parts a group by a predicate, and both parts keep its shape", () => {
  const [picked, rest] = nested.split((error) => error instanceof TypeError) as [ErrorGroup, ErrorGroup];
  assert.equal(picked.message, "outer");
  assert.equal(picked.errors[0], first);
  assert.deepEqual((picked.errors[1] as ErrorGroup).errors, [third]);
  assert.equal(rest.errors.length, 1);
  assert.deepEqual((rest.errors[0] as ErrorGroup).errors, [second]);
  assert.equal((rest.errors[0] as ErrorGroup).message, "inner");
});

test("split and filter give undefined for an empty part", () => {
  assert.deepEqual(nested.split(() => false)[0], undefined);
  assert.deepEqual(nested.split(() => true)[1], undefined);
  assert.equal(
    nested.filter(() => false),
    undefined,
  );
  assert.deepEqual((nested.filter((error) => error === first) as ErrorGroup).errors, [first]);
});

test("handleGroup gives the value where nothing fails", async () => {
  assert.equal(await handleGroup(() => "value", []), "value");
});

test("each handler gets the failures of its class, the first that fits taking them", async () => {
  const seen: [string, unknown[]][] = [];
  const value = await handleGroup(
    () => Promise.reject(nested),
    [
      [RangeError, (group) => seen.push(["range", group.errors.map((each) => (each as ErrorGroup).errors[0])])],
      [TypeError, (group) => seen.push(["type", [group.errors[0]]])],
      [Error, () => assert.fail("nothing is left for it")],
    ],
  );
  assert.equal(value, undefined);
  assert.deepEqual(seen, [
    ["range", [second]],
    ["type", [first]],
  ]);
});

test("what no handler takes is rethrown, what they threw beside it", async () => {
  const ofHandler = new Error("of the handler");
  const left = await rejection(handleGroup(() => Promise.reject(nested), [[TypeError, () => {}]]));
  assert.ok(left instanceof ErrorGroup);
  assert.deepEqual((left.errors[0] as ErrorGroup).errors, [second]);
  const both = (await rejection(
    handleGroup(() => Promise.reject(nested), [[TypeError, () => Promise.reject(ofHandler)]]),
  )) as ErrorGroup;
  assert.equal(both.errors[0], ofHandler);
  assert.ok(both.errors[1] instanceof ErrorGroup);
});

test("a lone error is handled as a group of one, and rethrown unchanged where no handler fits", async () => {
  const seen: unknown[] = [];
  await handleGroup(() => Promise.reject(first), [[TypeError, (group) => seen.push(...group.errors)]]);
  assert.deepEqual(seen, [first]);
  assert.equal(await rejection(handleGroup(() => Promise.reject(second), [[TypeError, () => {}]])), second);
  assert.equal(await rejection(handleGroup(() => Promise.reject(nested), [])), nested);
});

test("handleGroup lets cancellations pass", () =>
  virtually(async () => {
    const value = await cancelScope(async (scope) => {
      scope.cancel();
      await handleGroup(sleepForever, [[Error, () => assert.fail("a cancellation is no failure")]]);
    });
    assert.equal(value, undefined);
  }));

test("a supervisor inside a task group fails it with the group of errors", () =>
  virtually(async () => {
    const error = await rejection(
      taskGroup(async (outer) => {
        outer.spawn(() => supervisor((group) => void group.spawn(failing(first))));
        await sleepForever();
      }),
    );
    assert.ok(error instanceof ErrorGroup);
  }));

test("a supervisor that was abandoned in a scope which is cancelled and left takes that for no failure of its children", () =>
  virtually(async () => {
    let abandoned: Promise<unknown> | undefined;
    await cancelScope((scope) => {
      abandoned = supervisor((group) => {
        group.spawn(() => shield(() => sleep(5)).then(() => sleep(1)));
      });
      scope.cancel();
    });
    assert.ok(isCancelled(await rejection(abandoned as Promise<unknown>)));
  }));
