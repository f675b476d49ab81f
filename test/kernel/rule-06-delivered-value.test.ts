/** Rule 6: a delivered value is never lost; and around it, each wait cancelled at every moment that there is. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  type CancelScope,
  cancelScope,
  channel,
  currentLoop,
  Event,
  isCancelled,
  shield,
  sleep,
  sleepForever,
  taskGroup,
  until,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { attempt } from "../support/attempt.ts";
import { virtually } from "../support/virtual.ts";
import { waits } from "../support/waits.ts";

for (const { name, open } of waits) {
  test(`${name}: woken, it gives its value`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, it.wait);
        await waitAllTasksBlocked();
        assert.equal(waiting.outcome, "pending");
        it.wake();
        await waiting.over;
        assert.equal(waiting.outcome, it.value);
        assert.equal(waiting.didNextThrow, false);
        it.end();
      }),
    ));

  test(`${name}: cancelled before, it throws, has no effect, and can be done again`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        await cancelScope(async (scope) => {
          scope.cancel();
          await assert.rejects(async () => await it.wait(), isCancelled);
          assert.equal(scope.cancelledCaught, false);
        });
        assert.equal(it.effects?.() ?? 0, 0);
        const waiting = attempt(group, it.wait);
        await waitAllTasksBlocked();
        it.wake();
        await waiting.over;
        assert.equal(waiting.outcome, it.value);
        assert.equal(it.effects?.() ?? 1, 1);
        it.end();
      }),
    ));

  test(`${name}: cancelled before, it throws though it need not wait`, () =>
    virtually(() =>
      taskGroup(async () => {
        const it = open();
        it.wake();
        await waitAllTasksBlocked();
        await cancelScope(async (scope) => {
          scope.cancel();
          await assert.rejects(async () => await it.wait(), isCancelled);
        });
        await waitAllTasksBlocked();
        assert.equal(it.effects?.() ?? 0, 0);
        assert.equal(await it.wait(), it.value);
        await waitAllTasksBlocked();
        assert.equal(it.effects?.() ?? 1, 1);
        it.end();
      }),
    ));

  test(`${name}: cancelled during, it throws, has no effect, and can be done again`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, it.wait);
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        it.wake();
        await waitAllTasksBlocked();
        assert.equal(it.effects?.() ?? 0, 0);
        assert.equal(await it.wait(), it.value);
        await waitAllTasksBlocked();
        assert.equal(it.effects?.() ?? 1, 1);
        it.end();
      }),
    ));

  test(`${name}: woken, then cancelled in the same tick, it keeps its value and the next checkpoint throws`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, it.wait);
        await waitAllTasksBlocked();
        it.wake();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, it.value);
        assert.equal(waiting.didNextThrow, true);
        assert.equal(it.effects?.() ?? 1, 1);
        it.end();
      }),
    ));

  test(`${name}: cancelled, then woken in the same tick, it throws and has no effect`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, it.wait);
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        it.wake();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        assert.equal(it.effects?.() ?? 0, 0);
        if (name !== "abortable") assert.equal(await it.wait(), it.value);
        it.end();
      }),
    ));

  test(`${name}: shielded, it does not notice a cancellation outside`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        const waiting = attempt(group, () => shield(async () => await it.wait()));
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waitAllTasksBlocked();
        assert.equal(waiting.outcome, "pending");
        it.wake();
        await waiting.over;
        assert.equal(waiting.outcome, it.value);
        assert.equal(waiting.didNextThrow, true);
        it.end();
      }),
    ));

  test(`${name}: nested, the outer cancellation passes the scopes in between`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const it = open();
        let inner: CancelScope | undefined;
        const waiting = attempt(group, () =>
          cancelScope((scope) => {
            inner = scope;
            return cancelScope(async () => await it.wait());
          }),
        );
        await waitAllTasksBlocked();
        waiting.scope.cancel();
        await waiting.over;
        assert.equal(waiting.outcome, "cancelled");
        assert.equal(inner?.cancelledCaught, false);
        assert.equal(waiting.scope.cancelCalled, true);
        it.end();
      }),
    ));
}

test("sleep: cancelled during, it throws at once and leaves no timer", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => sleep(1_000));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.equal(currentLoop().time(), 0);
    }),
  ));

test("sleep: due, then cancelled in the same tick, it returns and the next checkpoint throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => sleep(10));
      await waitAllTasksBlocked();
      currentLoop().callAt(10, () => waiting.scope.cancel());
      await waiting.over;
      assert.equal(waiting.outcome, undefined);
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("sleep: cancelled, then due in the same tick, it throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const scope = Promise.withResolvers<CancelScope>();
      currentLoop().callAt(10, () => waiting.scope.cancel());
      const waiting = attempt(group, () => sleep(10));
      scope.resolve(waiting.scope);
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
    }),
  ));

test("sleep: shielded, it sleeps on", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const waiting = attempt(group, () => shield(() => sleep(10)));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(currentLoop().time(), 10);
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("await task: cancelled before, it throws though the task is done", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(() => "value");
      assert.equal(await task, "value");
      await cancelScope(async (scope) => {
        scope.cancel();
        await assert.rejects(async () => await task, isCancelled);
      });
    }),
  ));

test("await task: cancelled during, it throws and the task runs on", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await sleep(10);
        return "value";
      });
      const waiting = attempt(group, () => task);
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.equal(task.done, false);
      assert.equal(await task, "value");
    }),
  ));

test("await task: settled, then cancelled in the same tick, it keeps the value", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await sleep(10);
        return "value";
      });
      // Called first when the task settles, before the wait below hears of it.
      void task.then(() => waiting.scope.cancel());
      const waiting = attempt(group, () => task);
      await waiting.over;
      assert.equal(waiting.outcome, "value");
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("await task: cancelled by the task's last act, it throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await sleep(10);
        waiting.scope.cancel();
        return "value";
      });
      const waiting = attempt(group, () => task);
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      assert.equal(await task, "value");
    }),
  ));

test("await task: shielded, it waits on", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(async () => {
        await sleep(10);
        return "value";
      });
      const waiting = attempt(group, () => shield(() => task));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "value");
      assert.equal(waiting.didNextThrow, true);
    }),
  ));

test("await task: nested, the outer cancellation passes the scopes in between", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(sleepForever);
      const waiting = attempt(group, () => cancelScope(() => cancelScope(() => task)));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waiting.over;
      assert.equal(waiting.outcome, "cancelled");
      group.cancelAll();
    }),
  ));

test("a send whose value was taken returns although it is cancelled in the same tick", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<number>(0);
      const sending = attempt(group, () => sender.send(1));
      await waitAllTasksBlocked();
      const received = receiver.receive();
      sending.scope.cancel();
      assert.equal(await received, 1);
      await sending.over;
      assert.equal(sending.outcome, undefined);
      assert.equal(sending.didNextThrow, true);
    }),
  ));

test("a promise that settled before the cancellation keeps its value, even if it is waited for in the same tick", () =>
  virtually(async () => {
    let value: unknown;
    await cancelScope(async (scope) => {
      const waiting = until(Promise.resolve("value"));
      scope.cancel();
      value = await waiting;
    });
    assert.equal(value, "value");
  }));

test("an event that was set by the canceller's cleanup does not wake one who was cancelled first", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const event = new Event();
      const first = attempt(group, () => event.wait());
      const second = attempt(group, () => event.wait());
      await waitAllTasksBlocked();
      first.scope.cancel();
      event.set();
      await first.over;
      await second.over;
      assert.equal(first.outcome, "cancelled");
      assert.equal(second.outcome, undefined);
    }),
  ));

test("what an aborted function returns in spite of the abort is kept", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const result = Promise.withResolvers<string>();
      const waiting = attempt(group, () => abortable(() => result.promise));
      await waitAllTasksBlocked();
      waiting.scope.cancel();
      await waitAllTasksBlocked();
      assert.equal(waiting.outcome, "pending");
      result.resolve("value");
      await waiting.over;
      assert.equal(waiting.outcome, "value");
      assert.equal(waiting.didNextThrow, true);
    }),
  ));
