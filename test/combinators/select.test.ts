import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  cancelScope,
  channel,
  checkpoint,
  currentLoop,
  currentTask,
  Event,
  isCancelled,
  select,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
  until,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

test("the first operation to be over is chosen, and its key tells the type of the value", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(1);
    const wait = () => select({ message: () => receiver.receive(), tick: () => sleep(100) });
    const tick = await wait();
    assert.deepEqual(tick, { key: "tick", value: undefined });
    await sender.send(7);
    const message = await wait();
    if (message.key === "message") {
      const typed: number = message.value;
      assert.equal(typed, 7);
    } else {
      const typed: void = message.value;
      assert.fail(String(typed));
    }
    assert.equal(currentLoop().time(), 100);
  }));

test("of those that are ready at once, the first in order is taken, and the others have had no effect", () =>
  virtually(async () => {
    const [aSender, a] = channel<string>(1);
    const [bSender, b] = channel<string>(1);
    await aSender.send("a");
    await bSender.send("b");
    assert.deepEqual(await select({ b: () => b.receive(), a: () => a.receive() }), { key: "b", value: "b" });
    assert.deepEqual(await select({ b: () => b.receive(), a: () => a.receive() }), { key: "a", value: "a" });
  }));

test("timers that are due in the same moment: one", () =>
  virtually(async () => {
    assert.equal((await select({ a: () => sleep(5), b: () => sleep(5) })).key, "a");
  }));

test("tasks, foreign promises and plain values are cases, too", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(() => sleep(5).then(() => "task"));
      const first = await select({ task: () => task, never: () => until(new Promise<never>(() => {})) });
      assert.deepEqual(first, { key: "task", value: "task" });
      assert.deepEqual(await select({ task: () => task, value: () => 1 }), { key: "task", value: "task" });
      assert.deepEqual(await select({ never: sleepForever, value: () => 1 }), { key: "value", value: 1 });
      const foreign = await select({ foreign: () => Promise.resolve("now"), value: () => 1 });
      assert.deepEqual(foreign, { key: "foreign", value: "now" });
    }),
  ));

test("a case that is undefined, null or false is left out", () =>
  virtually(async () => {
    const isOpen = Boolean(0) as boolean;
    const chosen = await select({
      off: isOpen && (() => "off"),
      nothing: undefined,
      nobody: null,
      on: () => 5,
    });
    const typed: { key: "off"; value: string } | { key: "on"; value: number } = chosen;
    assert.deepEqual(typed, { key: "on", value: 5 });
  }));

test("no case, or none that is left in, is an error; so is what is no function", () =>
  virtually(async () => {
    for (const cases of [{}, { a: undefined, b: false as const, c: null }]) {
      const error = await rejection(select(cases));
      assert.ok(error instanceof RangeError);
      assert.match(error.message, /one case or more/);
    }
    for (const wrong of [undefined, null, 5, { a: 5 }, { a: Promise.resolve(1) }]) {
      assert.ok((await rejection(select(wrong as unknown as { a: () => 1 }))) instanceof TypeError);
    }
  }));

test("the others are cancelled, and their cleanup is over before select is", () =>
  virtually(async () => {
    const log: unknown[] = [];
    const { key } = await select({
      slow: async () => {
        try {
          await sleepForever();
        } catch (error) {
          log.push(isCancelled(error) && error.reason);
          await shield(() => sleep(10));
          log.push("cleaned");
          throw error;
        }
      },
      fast: () => sleep(1),
    });
    assert.equal(key, "fast");
    assert.deepEqual(log, ["select: another case was chosen", "cleaned"]);
  }));

test("an error of the chosen case is thrown unchanged; a closed channel is chosen like any other", () =>
  virtually(async () => {
    const failure = new Error("own");
    assert.equal(
      await rejection(select({ a: sleepForever, b: () => sleep(1).then(() => Promise.reject(failure)) })),
      failure,
    );
    const [sender, receiver] = channel<number>(0);
    sender.close();
    const error = await rejection(select({ idle: sleepForever, message: () => receiver.receive() }));
    assert.equal((error as { code?: string }).code, "END_OF_CHANNEL");
  }));

test("the error of another case's cleanup wins, and is kept with the error of the chosen one", () =>
  virtually(async () => {
    const [own, cleanup] = [new Error("own"), new Error("cleanup")];
    const fails = async () => {
      try {
        await sleepForever();
      } catch {
        throw cleanup;
      }
    };
    assert.equal(await rejection(select({ fails, chosen: () => sleep(1) })), cleanup);
    assert.equal(await rejection(select({ fails, chosen: () => sleep(1).then(() => Promise.reject(own)) })), own);
    assert.deepEqual(suppressedErrors(own), [cleanup]);
  }));

test("in a case of several waits the first one to end decides, and the rest of it is waited for", () =>
  virtually(async () => {
    const event = new Event();
    const { key, value } = await select({
      long: async () => {
        await sleep(1);
        await sleep(20);
        return "long";
      },
      short: () => event.wait(),
      tick: () => sleep(5),
    });
    assert.deepEqual([key, value], ["long", "long"]);
  }));

test("a case that passes a checkpoint before its wait does not hold the others up", () =>
  virtually(async () => {
    const [sender, receiver] = channel<number>(1);
    const careful = async () => {
      await checkpoint();
      return receiver.receive();
    };
    assert.equal((await select({ first: sleepForever, careful, tick: () => sleep(5) })).key, "tick");
    assert.equal((await select({ careful, again: careful, tick: () => sleep(5) })).key, "tick");
    await sender.send(1);
    assert.deepEqual(await select({ first: sleepForever, careful, tick: () => sleep(5) }), {
      key: "careful",
      value: 1,
    });
    assert.equal(currentLoop().time(), 10);
  }));

test("the cases run in the task that selects", () =>
  virtually(async () => {
    const task = currentTask();
    const { value } = await select({ a: () => [currentTask()] });
    assert.equal(value[0], task);
  }));

test("a losing abortable is aborted, but not in the middle of the wake-up that decides", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(1);
      const log: string[] = [];
      const choice = group.spawn(() =>
        select({
          fetch: () =>
            abortable(
              (signal) =>
                new Promise((_, reject) => {
                  signal.addEventListener("abort", () => {
                    log.push("aborted");
                    reject(signal.reason);
                  });
                }),
            ),
          message: () => receiver.receive(),
        }),
      );
      await waitAllTasksBlocked();
      void sender.send(1);
      log.push("sent");
      assert.equal((await choice).key, "message");
      assert.deepEqual(log, ["sent", "aborted"]);
    }),
  ));

test("selects within selects: the inner choice is the choice of the outer case", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [aSender, a] = channel<string>(1);
      const [bSender, b] = channel<string>(1);
      const choice = group.spawn(() =>
        select({ inner: () => select({ a: () => a.receive(), tick: sleepForever }), b: () => b.receive() }),
      );
      await waitAllTasksBlocked();
      void aSender.send("a");
      void bSender.send("b");
      assert.deepEqual(await choice, { key: "inner", value: { key: "a", value: "a" } });
      assert.deepEqual(await select({ b: () => b.receive(), tick: () => sleep(1) }), { key: "b", value: "b" });
    }),
  ));

test("cancelled before, no case is begun", () =>
  virtually(() =>
    cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, select({ a: () => assert.fail() }));
    }),
  ));

test("cancelled during, it throws when all cleanup is over, and no case has had an effect", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      let cleaned = false;
      const waiting = attempt(group, () =>
        select({
          message: () => receiver.receive(),
          slow: async () => {
            try {
              await sleepForever();
            } finally {
              await shield(() => sleep(10));
              cleaned = true;
            }
          },
        }),
      );
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.equal(cleaned, true);
      assert.equal((await select({ sent: () => sender.send(1), tick: () => sleep(1) })).key, "tick");
    }),
  ));

test("woken and cancelled in the same tick, it keeps its value and the next checkpoint throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const waiting = attempt(group, () => select({ message: () => receiver.receive(), tick: () => sleep(1) }));
      await waitAllTasksBlocked();
      void sender.send(1);
      waiting.scope.cancel();
      await waiting.over;
      assert.deepEqual(waiting.outcome, { key: "message", value: 1 });
      assert.equal(waiting.didNextThrow, true);
    }),
  ));
