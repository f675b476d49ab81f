import assert, { AssertionError } from "node:assert/strict";
import test from "node:test";
import {
  cancelScope,
  channel,
  checkpoint,
  currentLoop,
  Event,
  run,
  shield,
  sleep,
  suppressedErrors,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { assertCheckpoints, assertNoCheckpoints, waitAllTasksBlocked } from "coppice/testing";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

const waiting: Record<string, () => unknown> = {
  checkpoint,
  "sleep(0)": () => sleep(0),
  "sleep(10)": () => sleep(10),
  "a wait for an event that is set": () => {
    const event = new Event();
    event.set();
    return event.wait();
  },
  "a send that need not wait": () => channel<number>(1)[0].send(1),
  "until a promise that is settled": () => until(Promise.resolve()),
  "a wait in a scope of its own": () => withTimeout(10, () => shield(checkpoint)),
  "a wait after one for something foreign": async () => {
    await Promise.resolve();
    await checkpoint();
  },
  "awaiting a task": () => taskGroup(async (group) => group.spawn(() => {}).done || (await group.spawn(() => {}))),
  "a coroutine that waits": function* () {
    yield* until(Promise.resolve());
  },
};

const instant: Record<string, () => unknown> = {
  "a plain value": () => 1,
  "a foreign wait": () => Promise.resolve().then(() => Promise.resolve()),
  "opening scopes": () => cancelScope(() => withTimeout(10, () => shield(() => {}))),
  "a task group whose children wait": () =>
    taskGroup((group) => {
      group.spawn(() => sleep(1));
    }),
  "setting an event": () => new Event().set(),
  "a coroutine that does not wait": function* () {
    yield Promise.resolve();
  },
};

for (const [name, fn] of Object.entries(waiting)) {
  test(`a checkpoint: ${name}`, () =>
    virtually(async () => {
      await assertCheckpoints(fn);
      assert.ok((await rejection(assertNoCheckpoints(fn))) instanceof AssertionError);
    }));
}

for (const [name, fn] of Object.entries(instant)) {
  test(`no checkpoint: ${name}`, () =>
    virtually(async () => {
      await assertNoCheckpoints(fn);
      assert.ok((await rejection(assertCheckpoints(fn))) instanceof AssertionError);
    }));
}

test("both give what the function gives, and pass its error", () =>
  virtually(async () => {
    const error = new Error("own");
    assert.equal(await assertCheckpoints(() => checkpoint().then(() => "value")), "value");
    assert.equal(await assertNoCheckpoints(() => "value"), "value");
    for (const assertion of [assertCheckpoints, assertNoCheckpoints]) {
      assert.equal(
        await rejection(
          assertion(() => {
            throw error;
          }),
        ),
        error,
      );
      assert.equal(await rejection(assertion(() => Promise.reject(error))), error);
    }
  }));

test("a failure says where: the assertion, and the checkpoint that should not be", () =>
  virtually(async () => {
    async function theTest(): Promise<unknown> {
      return await rejection(assertCheckpoints(function idle() {}));
    }
    const missing = (await theTest()) as AssertionError;
    assert.match(missing.message, /expected a checkpoint, and idle\(\) executed none/);
    assert.match(missing.stack ?? "", /theTest/);
    const unexpected = (await rejection(
      assertNoCheckpoints(async function busy() {
        await checkpoint();
      }),
    )) as AssertionError;
    assert.match(unexpected.message, /expected no checkpoint, and busy\(\) executed one/);
    assert.match((unexpected.cause as Error).stack ?? "", /busy/);
  }));

test("what other tasks do meanwhile does not count", () =>
  virtually(() =>
    taskGroup(async (group) => {
      group.spawn(async () => {
        for (let step = 0; step < 50; step++) await checkpoint();
      });
      await assertNoCheckpoints(async () => {
        for (let step = 0; step < 20; step++) await Promise.resolve();
      });
      const failing = rejection(
        assertCheckpoints(async () => {
          for (let step = 0; step < 20; step++) await Promise.resolve();
        }),
      );
      assert.ok((await failing) instanceof AssertionError);
    }),
  ));

test("a checkpoint that threw counts as one", () =>
  virtually(() =>
    cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, assertCheckpoints(checkpoint));
      const error = await rejection(assertNoCheckpoints(checkpoint));
      assert.ok(error instanceof AssertionError);
      assert.equal(suppressedErrors(error).length, 1);
      await assertNoCheckpoints(() => {});
    }),
  ));

test("they may be nested and run at the same time, and leave the loop as it was", () =>
  virtually(() =>
    taskGroup(async (group) => {
      await assertCheckpoints(() => assertCheckpoints(checkpoint));
      assert.ok((await rejection(assertNoCheckpoints(() => assertCheckpoints(checkpoint)))) instanceof AssertionError);
      const first = group.spawn(() => assertCheckpoints(() => sleep(10)));
      await assertNoCheckpoints(() => Promise.resolve());
      await first;
      assert.ok("value" in (Object.getOwnPropertyDescriptor(currentLoop(), "budget") ?? {}));
    }),
  ));

test("a function cut short by a cancellation raises no unhandled rejection when abandoned", async () => {
  const unhandled = await unhandledDuring(() =>
    virtually(async () => {
      await cancelScope(async (scope) => {
        void assertCheckpoints(() => sleep(100));
        await waitAllTasksBlocked();
        scope.cancel();
      });
      await waitAllTasksBlocked();
    }),
  );
  assert.deepEqual(unhandled, []);
});

test("they work in a real run and outside of every run", async () => {
  const both = async (): Promise<void> => {
    await assertCheckpoints(() => sleep(0));
    await assertCheckpoints(checkpoint);
    await assertNoCheckpoints(() => Promise.resolve());
    assert.ok((await rejection(assertCheckpoints(() => {}))) instanceof AssertionError);
  };
  await run(both);
  await both();
});
