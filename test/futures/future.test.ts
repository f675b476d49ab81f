/** The writing half of a future: its states, who is told, in which order; what is particular to it as a wait. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import test from "node:test";
import {
  ContextVar,
  cancelScope,
  channel,
  currentTask,
  Future,
  InvalidStateError,
  isCancelled,
  run,
  select,
  sleep,
  taskGroup,
  until,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { cancellation, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

const ownError = new Error("own");

const settlings: Record<string, (future: Future<string>) => void> = {
  setResult: (future) => future.setResult("value"),
  setError: (future) => future.setError(ownError),
  cancel: (future) => future.cancel("reason"),
};

test("a pending future is neither done nor cancelled", () => {
  const future = new Future<string>();
  assert.deepEqual([future.done, future.cancelled], [false, false]);
});

test("its name is what was asked for", () => {
  assert.equal(new Future({ name: "answer" }).name, "answer");
  assert.equal(new Future().name, "a future");
});

for (const [first, settle] of Object.entries(settlings)) {
  for (const again of ["setResult", "setError"] as const) {
    test(`${again} after ${first} is an InvalidStateError and changes nothing`, () =>
      virtually(() => {
        const future = new Future<string>({ name: "answer" });
        settle(future);
        const error = future.error();
        assert.throws(
          () => settlings[again]?.(future),
          (thrown: unknown) =>
            thrown instanceof InvalidStateError && thrown.message.includes("answer") && thrown.message.includes(again),
        );
        assert.equal(future.error(), error);
      }));
  }

  test(`cancel after ${first} does nothing`, () =>
    virtually(() => {
      const future = new Future<string>();
      settle(future);
      const error = future.error();
      future.cancel("late");
      assert.equal(future.error(), error);
      assert.equal(future.cancelled, first === "cancel");
    }));
}

test("a value is kept as it is: undefined, an error, a promise", () =>
  virtually(async () => {
    for (const value of [undefined, null, 0, ownError, Promise.resolve(1)]) {
      const future = new Future<unknown>();
      future.setResult(value);
      assert.equal(future.result(), value);
      assert.equal(future.error(), undefined);
    }
  }));

test("any value may be an error, undefined included", () =>
  virtually(async () => {
    for (const error of [undefined, null, 0, "text", ownError]) {
      const future = new Future<unknown>();
      future.setError(error);
      assert.equal(future.error(), error);
      assert.equal(await rejection(future), error);
      let thrown: unknown = "nothing";
      try {
        future.result();
      } catch (caught) {
        thrown = caught;
      }
      assert.equal(thrown, error);
    }
  }));

test("settling tells nobody synchronously", () =>
  virtually(() =>
    taskGroup(async (group) => {
      for (const settle of Object.values(settlings)) {
        const log: string[] = [];
        const future = new Future<string>();
        future.addDoneCallback(() => log.push("callback"));
        group.spawn(async () => {
          await rejection(future.then(() => Promise.reject()));
          log.push("waiter");
        });
        await waitAllTasksBlocked();
        settle(future);
        log.push("settled");
        await waitAllTasksBlocked();
        assert.equal(log[0], "settled");
        assert.deepEqual(log.sort(), ["callback", "settled", "waiter"]);
      }
    }),
  ));

test("callbacks are called in the order of adding, those added after it was settled included", () =>
  virtually(async () => {
    const log: number[] = [];
    const future = new Future<string>();
    future.addDoneCallback(() => log.push(1));
    future.addDoneCallback(() => log.push(2));
    future.setResult("value");
    future.addDoneCallback(() => log.push(3));
    future.addDoneCallback(() => log.push(4));
    await waitAllTasksBlocked();
    future.addDoneCallback(() => log.push(5));
    await waitAllTasksBlocked();
    assert.deepEqual(log, [1, 2, 3, 4, 5]);
  }));

test("the order of callbacks holds where the loop is due a turn", () =>
  virtually(async () => {
    for (let offset = 0; offset < 3_000; offset += 7) {
      const log: number[] = [];
      const future = new Future<string>();
      future.addDoneCallback(() => log.push(1));
      for (let spent = 0; spent < offset % 1_009; spent++) {
        const other = new Future<void>();
        other.setResult();
      }
      future.setResult("value");
      future.addDoneCallback(() => log.push(2));
      await waitAllTasksBlocked();
      assert.deepEqual(log, [1, 2]);
    }
  }));

test("a callback gets the future, and may ask it", () =>
  virtually(async () => {
    const future = new Future<string>();
    const seen: unknown[] = [];
    future.addDoneCallback((done) => seen.push(done === future, done.result()));
    future.setResult("value");
    await waitAllTasksBlocked();
    assert.deepEqual(seen, [true, "value"]);
  }));

test("a callback runs in the context of adding, not of settling", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const storage = new AsyncLocalStorage<string>();
      const variable = new ContextVar<string>("variable");
      const future = new Future<string>();
      const seen: unknown[] = [];
      const look = (): unknown => seen.push(storage.getStore(), variable.get("none"), currentTask()?.name);
      group.spawn(
        async () => {
          variable.set("adder");
          storage.run("adder", () => future.addDoneCallback(look));
          await sleep(1);
        },
        { name: "adder" },
      );
      await waitAllTasksBlocked();
      group.spawn(() => storage.run("settler", () => future.setResult("value")), { name: "settler" });
      await waitAllTasksBlocked();
      assert.deepEqual(seen, ["adder", "adder", "adder"]);
    }),
  ));

test("a callback that throws is an unhandled rejection, and the others are called", async () => {
  const log: string[] = [];
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      const future = new Future<string>();
      future.addDoneCallback(() => log.push("first"));
      future.addDoneCallback(() => {
        throw ownError;
      });
      future.addDoneCallback(() => log.push("third"));
      future.setResult("value");
      assert.equal(await future, "value");
    }),
  );
  assert.deepEqual(raised, [ownError]);
  assert.deepEqual(log, ["first", "third"]);
});

test("a callback may add callbacks, and settle other futures", () =>
  virtually(async () => {
    const log: string[] = [];
    const [first, second] = [new Future<number>(), new Future<number>()];
    first.addDoneCallback((done) => {
      done.addDoneCallback(() => log.push("inner"));
      second.setResult(done.result() + 1);
    });
    first.addDoneCallback(() => log.push("outer"));
    first.setResult(1);
    assert.equal(await second, 2);
    await waitAllTasksBlocked();
    assert.deepEqual(log, ["outer", "inner"]);
  }));

test("everybody who waits gets the outcome, in the order of their coming", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<string>();
      const seen: number[] = [];
      for (let index = 0; index < 2_000; index++) {
        group.spawn(async () => {
          assert.equal(await future, "value");
          seen.push(index);
        });
      }
      await waitAllTasksBlocked();
      future.setResult("value");
      await waitAllTasksBlocked();
      assert.equal(seen.length, 2_000);
      assert.ok(seen.every((value, index) => value === index));
    }),
  ));

test("cancelling a future wakes everybody with one Cancelled that no scope of theirs swallows", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<string>({ name: "answer" });
      const waiting = ["a", "b"].map(() => group.spawn(() => cancellation(cancelScope(() => future))));
      await waitAllTasksBlocked();
      future.cancel("not needed");
      const [first, second] = [await waiting[0], await waiting[1]];
      assert.equal(first, second);
      assert.equal(first?.reason, "not needed");
      assert.match(String(first?.message), /^answer was cancelled by task .*: not needed$/);
      assert.equal(future.cancelled, true);
      assert.equal(future.error(), first);
      await sleep(1);
    }),
  ));

test("settled by one who is cancelled at that moment: a future needs no scope to be set in", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<string>();
      const task = group.spawn(async () => {
        await rejection(sleep(1_000));
        future.setResult("last words");
      });
      await waitAllTasksBlocked();
      task.cancel();
      assert.equal(await future, "last words");
    }),
  ));

test("a future works outside of every run, and between two runs", async () => {
  const outside = new Future<string>();
  setImmediate(() => outside.setResult("outside"));
  assert.equal(await outside, "outside");
  const between = new Future<string>();
  await virtually(() => between.setResult("between"));
  assert.equal(await run(() => between), "between");
});

test("until(future) is a wait for the future: cancelled, it leaves nothing behind", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<string>();
      const waiting = attempt(group, () => until(future));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      future.setResult("value");
      assert.equal(await until(future), "value");
    }),
  ));

test("Future may be subclassed, with private fields of its own", () =>
  virtually(async () => {
    class Answer extends Future<number> {
      #asked = 0;
      ask(): number {
        return ++this.#asked;
      }
    }
    const answer = new Answer({ name: "answer" });
    let told: Answer | undefined;
    answer.addDoneCallback((done) => {
      told = done;
    });
    assert.ok(answer instanceof Future);
    answer.setResult(answer.ask());
    assert.equal(await answer, 1);
    await waitAllTasksBlocked();
    assert.equal(told, answer);
  }));

test("the error that comes as a Cancelled of another scope passes the scopes of who waits", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const other = group.spawn(() => sleep(1_000));
      other.cancel("other");
      const error = await rejection(other);
      const future = new Future<string>();
      future.setError(error);
      assert.equal(future.cancelled, false);
      assert.equal(await rejection(cancelScope(() => future)), error);
      assert.ok(isCancelled(error));
    }),
  ));

for (const kind of ["future", "task"]) {
  test(`a ${kind} in a select decides in the moment in which it settles: no other case has its effect`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const go = new Future<string>();
        const thing = kind === "future" ? go : group.spawn(async () => await go);
        const [sender, receiver] = channel<string>(0);
        let wasSent = false;
        const choosing = group.spawn(() => select({ thing: () => thing, message: () => receiver.receive() }));
        await waitAllTasksBlocked();
        thing.addDoneCallback(() => {
          group.spawn(async () => {
            await sender.send("message");
            wasSent = true;
          });
        });
        go.setResult("value");
        if (kind === "future")
          void sender.send("at once").then(
            () => assert.fail("received"),
            () => {},
          );
        assert.deepEqual(await choosing, { key: "thing", value: "value" });
        await waitAllTasksBlocked();
        assert.equal(wasSent, false);
        group.cancelAll();
        await waitAllTasksBlocked();
        receiver.close();
      }),
    ));
}

test("several cases of a select may wait for one future: the first of them is chosen", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const future = new Future<string>();
      const other = group.spawn(() => future);
      const wait = (): PromiseLike<string> => future;
      const choosing = group.spawn(() => select({ first: wait, second: wait, third: () => until(future) }));
      await waitAllTasksBlocked();
      future.setResult("value");
      assert.deepEqual(await choosing, { key: "first", value: "value" });
      assert.equal(await other, "value");
    }),
  ));
