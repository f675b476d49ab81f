import assert from "node:assert/strict";
import test from "node:test";
import {
  type Cancelled,
  cancelScope,
  checkpoint,
  currentScope,
  DeadlockError,
  isCancelled,
  moveOnAfter,
  once,
  sleep,
  sleepForever,
  taskGroup,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

/** A function that counts its runs and takes a while. */
function counted(ms = 10) {
  const counter = { runs: 0, value: () => 0 as unknown as Promise<number> };
  counter.value = once(async () => {
    const run = ++counter.runs;
    await sleep(ms);
    return run;
  });
  return counter;
}

test("it runs at the first call, once, and every call gives its value", () =>
  virtually(async () => {
    const counter = counted();
    assert.equal(counter.runs, 0);
    for (let call = 0; call < 3; call++) assert.equal(await counter.value(), 1);
    assert.equal(counter.runs, 1);
  }));

test("calls that come while it runs wait for the same outcome", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const counter = counted();
      const tasks = Array.from({ length: 5 }, () => group.spawn(() => counter.value()));
      assert.deepEqual(await Promise.all([counter.value(), counter.value()]), [1, 1]);
      for (const task of tasks) assert.equal(await task, 1);
      assert.equal(counter.runs, 1);
    }),
  ));

test("undefined is a value; plain functions and generator functions work, too", () =>
  virtually(async () => {
    let runs = 0;
    const plain = once(() => {
      runs++;
    });
    assert.equal(await plain(), undefined);
    assert.equal(await plain(), undefined);
    assert.equal(runs, 1);
    const generator = once(function* () {
      yield sleep(1);
      return "generated";
    });
    assert.equal(await generator(), "generated");
  }));

test("an error goes to all who waited for that run, and is not kept: the next call runs it again", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let runs = 0;
      const failure = new Error("own");
      const load = once(async () => {
        await sleep(1);
        if (++runs === 1) throw failure;
        return "value";
      });
      const waiting = [1, 2].map(() => group.spawn(() => rejection(load())));
      assert.equal(await rejection(load()), failure);
      for (const task of waiting) assert.equal(await task, failure);
      assert.equal(runs, 1);
      assert.equal(await load(), "value");
      assert.equal(runs, 2);
    }),
  ));

test("a function that throws at once is no different", () =>
  virtually(async () => {
    const failure = new Error("own");
    let runs = 0;
    const load = once(() => {
      if (++runs === 1) throw failure;
      return "value";
    });
    assert.equal(await rejection(load()), failure);
    assert.equal(await load(), "value");
  }));

test("where the caller that runs it is cancelled, the next in line runs it, and the others wait on", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const counter = counted();
      const first = attempt(group, () => counter.value());
      await waitAllTasksBlocked();
      const second = attempt(group, () => counter.value());
      const third = attempt(group, () => counter.value());
      await sleep(5);
      first.scope.cancel();
      await first.over;
      assert.equal(first.outcome, "cancelled");
      await waitAllTasksBlocked();
      assert.equal(counter.runs, 2);
      await second.over;
      await third.over;
      assert.deepEqual([second.outcome, third.outcome], [2, 2]);
      assert.equal(counter.runs, 2);
    }),
  ));

test("a deadline of the caller that runs it cuts that run alone", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const counter = counted(10);
      const impatient = group.spawn(() => moveOnAfter(5, () => counter.value()));
      await waitAllTasksBlocked();
      assert.equal(await counter.value(), 2);
      assert.equal(await impatient, undefined);
    }),
  ));

test("with nobody in line, the next call runs it", () =>
  virtually(async () => {
    const counter = counted();
    assert.equal(await moveOnAfter(5, () => counter.value()), undefined);
    assert.equal(await counter.value(), 2);
  }));

test("those who were cancelled while they waited are skipped", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const counter = counted();
      const waiting = [];
      for (let call = 0; call < 4; call++) {
        waiting.push(attempt(group, () => counter.value()));
        await waitAllTasksBlocked();
      }
      waiting[1]?.scope.cancel();
      waiting[0]?.scope.cancel();
      await waitAllTasksBlocked();
      assert.equal(counter.runs, 2);
      for (const each of waiting) await each.over;
      assert.deepEqual(
        waiting.map(({ outcome }) => outcome),
        ["cancelled", "cancelled", 2, 2],
      );
    }),
  ));

test("one who is told to take over and is cancelled before that passes it on, at whatever moment", async () => {
  for (let delay = 0; delay < 20; delay++) {
    await virtually(() =>
      taskGroup(async (group) => {
        const value = once(async () => {
          assert.equal(currentScope().isCancelled, false, "it does not run for one who is cancelled");
          await sleep(10);
          return "value";
        });
        const callers = [];
        for (let caller = 0; caller < 3; caller++) {
          callers.push(attempt(group, value));
          await waitAllTasksBlocked();
        }
        callers[0]?.scope.cancel();
        for (let microtask = 0; microtask < delay; microtask++) await Promise.resolve();
        callers[1]?.scope.cancel();
        for (const caller of callers) await caller.over;
        assert.deepEqual(
          callers.map(({ outcome }) => outcome),
          ["cancelled", "cancelled", "value"],
        );
      }),
    );
  }
});

test("a caller that is cancelled while another runs it leaves the run alone", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const counter = counted();
      const task = group.spawn(() => counter.value());
      await waitAllTasksBlocked();
      assert.equal(await moveOnAfter(5, () => counter.value()), undefined);
      assert.equal(await task, 1);
    }),
  ));

test("a value that came in the tick of the cancellation is kept, by one who waited", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const gate = Promise.withResolvers<string>();
      const value = once(() => gate.promise);
      group.spawn(value);
      await waitAllTasksBlocked();
      // Woken together, the first goes on first.
      void value().then(() => waiting.scope.cancel());
      const waiting = attempt(group, value);
      await waitAllTasksBlocked();
      gate.resolve("value");
      await waiting.over;
      assert.equal(waiting.outcome, "value");
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("a cancellation that is none of the caller's is an error like any other", () =>
  virtually(() =>
    taskGroup(async (group) => {
      let runs = 0;
      const load = once(async () => {
        if (++runs > 1) return "value";
        const task = group.spawn(sleepForever);
        await waitAllTasksBlocked();
        task.cancel();
        return await task;
      });
      const waiting = group.spawn(() => rejection(load()));
      const error = await rejection(load());
      assert.ok(isCancelled(error));
      assert.equal(await waiting, error);
      assert.equal(await load(), "value");
    }),
  ));

test("a function that cancels its own scope cancels nobody else's", () =>
  virtually(async () => {
    const load = once(async () => {
      currentScope().cancel("own");
      await checkpoint();
    });
    const error = (await rejection(load())) as Cancelled;
    assert.ok(isCancelled(error));
    assert.equal(error.reason, "own");
    await checkpoint();
  }));

test("a function that calls itself is told so, at any depth", () =>
  virtually(async () => {
    const load: () => Promise<unknown> = once(function config() {
      return withTimeout(1_000, () => taskGroup((group) => group.spawn(() => load()).then((value) => value)));
    });
    const error = await rejection(load());
    assert.ok(error instanceof DeadlockError);
    assert.match(error.message, /once\(config\) calls itself/);
  }));

test("the current task may call it twice at the same time", () =>
  virtually(async () => {
    const counter = counted();
    assert.deepEqual(await Promise.all([counter.value(), counter.value()]), [1, 1]);
  }));

test("it works outside of run", async () => {
  const counter = counted(1);
  assert.deepEqual(await Promise.all([counter.value(), counter.value()]), [1, 1]);
});

test("abandoned and cancelled it raises nothing; abandoned and failed it raises the error once for each call", async () => {
  const failure = new Error("own");
  const cancelled = await unhandledDuring(() =>
    virtually(async () => {
      await cancelScope(async (scope) => {
        const counter = counted();
        void counter.value();
        void counter.value();
        await waitAllTasksBlocked();
        scope.cancel();
        void counter.value();
        await checkpoint();
      });
      await sleep(1);
    }),
  );
  assert.deepEqual(cancelled, []);
  const failed = await unhandledDuring(() =>
    virtually(async () => {
      const load = once(() => Promise.reject(failure));
      void load();
      void load();
      await sleep(1);
    }),
  );
  assert.deepEqual(failed, [failure, failure]);
});
