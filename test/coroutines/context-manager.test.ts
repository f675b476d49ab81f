import assert from "node:assert/strict";
import test from "node:test";
import {
  cancelScope,
  contextManager,
  InvalidStateError,
  isCancelled,
  shield,
  sleep,
  sleepForever,
  taskGroup,
  until,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

const ownError = new Error("own");

function managed(log: string[]) {
  return contextManager(function* resource(name: string) {
    log.push(`enter ${name}`);
    try {
      yield name.toUpperCase();
    } catch (error) {
      log.push(`caught ${error}`);
      throw error;
    } finally {
      log.push(`leave ${name}`);
    }
  });
}

function managedAsync(log: string[]) {
  return contextManager(async function* resource(name: string) {
    await sleep(1);
    log.push(`enter ${name}`);
    try {
      yield name.toUpperCase();
    } catch (error) {
      log.push(`caught ${error}`);
      throw error;
    } finally {
      await shield(() => sleep(1));
      log.push(`leave ${name}`);
    }
  });
}

test("using enters at the call and leaves at the end of the block, in reverse order", () => {
  const log: string[] = [];
  const resource = managed(log);
  {
    using a = resource("a");
    using b = resource("b");
    log.push(a.value + b.value);
  }
  assert.deepEqual(log, ["enter a", "enter b", "AB", "leave b", "leave a"]);
});

test("with using, an error inside is not known to the generator, which leaves as after a good end", () => {
  const log: string[] = [];
  const resource = managed(log);
  assert.throws(() => {
    using _ = resource("a");
    throw ownError;
  }, ownError);
  assert.deepEqual(log, ["enter a", "leave a"]);
});

test("disposing twice leaves once", () => {
  const log: string[] = [];
  const entered = managed(log)("a");
  entered[Symbol.dispose]();
  entered[Symbol.dispose]();
  assert.deepEqual(log, ["enter a", "leave a"]);
});

test("use gives the value of its body; an error of it is thrown in at the yield and passes", () => {
  const log: string[] = [];
  const resource = managed(log);
  assert.equal(
    resource.use((value) => value + 1, "a"),
    "A1",
  );
  assert.throws(
    () =>
      resource.use(() => {
        throw ownError;
      }, "b"),
    (error: unknown) => error === ownError,
  );
  assert.deepEqual(log, ["enter a", "leave a", "enter b", "caught Error: own", "leave b"]);
});

test("a body that waits is waited for: async, or a generator; then it is left", () =>
  virtually(async () => {
    const log: string[] = [];
    const resource = managed(log);
    const value: string | undefined = await resource.use(async (name) => {
      await sleep(1);
      log.push("waited");
      return name;
    }, "a");
    assert.equal(value, "A");
    assert.equal(
      await resource.use(function* (name) {
        yield* until(sleep(1));
        return name;
      }, "b"),
      "B",
    );
    assert.equal(await rejection(resource.use(() => Promise.reject(ownError), "c")), ownError);
    assert.deepEqual(log, [
      "enter a",
      "waited",
      "leave a",
      "enter b",
      "leave b",
      "enter c",
      "caught Error: own",
      "leave c",
    ]);
  }));

test("a cancellation that cuts a body is thrown in at the yield, and raises nothing where use is abandoned", async () => {
  const log: string[] = [];
  const raised = await unhandledDuring(() =>
    virtually(() =>
      taskGroup(async (group) => {
        const task = group.spawn(async () => {
          void managed(log).use(sleepForever, "a");
          await sleepForever();
        });
        await waitAllTasksBlocked();
        task.cancel();
      }),
    ),
  );
  assert.deepEqual(raised, []);
  assert.equal(log.at(-1), "leave a");
  assert.match(String(log[1]), /^caught AbortError/);
});

test("an error that the generator handles ends there, and use gives undefined", () => {
  const tolerant = contextManager(function* () {
    try {
      yield 1;
    } catch {}
  });
  assert.equal(
    tolerant.use(() => {
      throw ownError;
    }),
    undefined,
  );
});

test("an error of the generator in leaving is thrown, in place of the body's", () => {
  const failing = contextManager(function* () {
    try {
      yield 1;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: leaving fails.
      throw ownError;
    }
  });
  assert.throws(() => failing.use(() => 1), ownError);
  assert.throws(
    () =>
      failing.use(() => {
        throw new TypeError("body");
      }),
    ownError,
  );
  assert.throws(() => {
    using _ = failing();
  }, ownError);
});

test("an error in entering is thrown by the call, and the body is never called", () => {
  // biome-ignore lint/correctness/useYield: it fails before.
  const failing = contextManager(function* (): Generator<number, void, void> {
    throw ownError;
  });
  assert.throws(() => failing(), ownError);
  assert.throws(() => failing.use(() => assert.fail()), ownError);
});

const miscounts: Record<string, () => Generator<number, void, void>> = {
  "ended without a yield": function* never() {},
  "yielded a second time": function* twice() {
    try {
      yield 1;
      yield 2;
    } finally {
      cleanups++;
    }
  },
};
let cleanups = 0;

for (const [what, generator] of Object.entries(miscounts)) {
  test(`a generator that ${what} is an InvalidStateError that names it`, () => {
    const manager = contextManager(generator);
    const isExpected = (error: unknown): boolean =>
      error instanceof InvalidStateError && error.message.includes(`${generator.name} ${what}`);
    const before = cleanups;
    assert.throws(() => manager.use(() => {}), isExpected);
    assert.throws(() => {
      using _ = manager();
    }, isExpected);
    assert.equal(cleanups - before, what.includes("second") ? 2 : 0, "what it still had to clean up is cleaned up");
  });

  test(`an async generator that ${what} is an InvalidStateError that names it`, async () => {
    const manager = contextManager(
      Object.defineProperty(
        async function* () {
          yield* generator();
        },
        "name",
        { value: generator.name },
      ),
    );
    const isExpected = (error: unknown): boolean =>
      error instanceof InvalidStateError && error.message.includes(`${generator.name} ${what}`);
    await assert.rejects(
      manager.use(() => {}),
      isExpected,
    );
    await assert.rejects(async () => {
      await using _ = await manager();
    }, isExpected);
  });
}

test("a yield in reaction to the body's error is a second one", () => {
  const manager = contextManager(function* again() {
    try {
      yield 1;
    } catch {
      yield 2;
    }
  });
  assert.throws(
    () =>
      manager.use(() => {
        throw ownError;
      }),
    InvalidStateError,
  );
});

test("await using enters at the call and leaves, waiting, at the end of the block", () =>
  virtually(async () => {
    const log: string[] = [];
    const resource = managedAsync(log);
    {
      await using a = await resource("a");
      await using b = await resource("b");
      log.push(a.value + b.value);
    }
    assert.deepEqual(log, ["enter a", "enter b", "AB", "leave b", "leave a"]);
  }));

test("use of an asynchronous one takes an async function and a generator function, and throws errors in at the yield", () =>
  virtually(async () => {
    const log: string[] = [];
    const resource = managedAsync(log);
    assert.equal(
      await resource.use(async (value) => {
        await sleep(1);
        return value;
      }, "a"),
      "A",
    );
    assert.equal(
      await resource.use(function* (value) {
        yield* until(sleep(1));
        return value;
      }, "b"),
      "B",
    );
    assert.equal(await rejection(resource.use(() => Promise.reject(ownError), "c")), ownError);
    assert.deepEqual(log, ["enter a", "leave a", "enter b", "leave b", "enter c", "caught Error: own", "leave c"]);
  }));

test("a cancellation inside is thrown in at the yield; what follows may wait, shielded, and the Cancelled passes", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      const resource = managedAsync(log);
      const task = group.spawn(() => resource.use(sleepForever, "a"));
      await sleep(5);
      task.cancel();
      assert.ok(isCancelled(await rejection(task)));
      assert.equal(log[0], "enter a");
      assert.match(String(log[1]), /^caught AbortError/);
      assert.equal(log[2], "leave a");
    }),
  ));

test("a generator that swallows a cancellation does not hide it from the scope: the next checkpoint throws", () =>
  virtually(async () => {
    const tolerant = contextManager(async function* () {
      try {
        yield 1;
      } catch {}
    });
    const log: string[] = [];
    await cancelScope(async (scope) => {
      scope.cancel();
      assert.equal(await tolerant.use(sleepForever), undefined);
      log.push("swallowed");
      await sleep(1);
      log.push("never");
    });
    assert.deepEqual(log, ["swallowed"]);
  }));

test("entering in a cancelled scope is cut at the first wait", () =>
  virtually(async () => {
    const log: string[] = [];
    await cancelScope(async (scope) => {
      scope.cancel();
      await managedAsync(log)("a");
    });
    assert.deepEqual(log, []);
  }));

test("one that is abandoned while it enters, and cancelled, raises nothing", async () => {
  const raised = await unhandledDuring(() =>
    virtually(() =>
      taskGroup(async (group) => {
        const task = group.spawn(async () => {
          void managedAsync([])("a");
          void managedAsync([]).use(sleepForever, "b");
          await sleepForever();
        });
        await waitAllTasksBlocked();
        task.cancel();
      }),
    ),
  );
  assert.deepEqual(raised, []);
});
