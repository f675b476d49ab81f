/** Rule 9: results are honestly typed. What `tsc` checks here is the test; the run only shows that it is true. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  cancelScope,
  channel,
  checkpoint,
  currentScope,
  moveOnAfter,
  type Receiver,
  run,
  type Sender,
  shield,
  sleepForever,
  type Task,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import type { virtualRun } from "coppice/testing";
import { cancellation, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for the exact type. */
function hasType<Expected>() {
  return <Actual>(_value: Actual, _proof: Same<Actual, Expected>): void => {};
}

test("scopes that cannot swallow give T", () =>
  virtually(async () => {
    hasType<string>()(await taskGroup(() => "value"), true);
    hasType<string>()(await taskGroup(async () => "value"), true);
    hasType<string>()(await withTimeout(10, () => "value"), true);
    hasType<string>()(await shield(async () => "value"), true);
    hasType<string>()(await run(() => "value"), true);
    hasType<string>()(await virtualRunOf("value"), true);
    hasType<string>()(await until(Promise.resolve("value")), true);
    hasType<string>()(await abortable(async () => "value"), true);
    hasType<never>()(null as unknown as Awaited<ReturnType<typeof sleepForever>>, true);
  }));

test("scopes that can swallow give T or undefined", () =>
  virtually(async () => {
    hasType<string | undefined>()(await cancelScope(() => "value"), true);
    hasType<string | undefined>()(await cancelScope(async () => "value"), true);
    hasType<string | undefined>()(await moveOnAfter(10, () => "value"), true);
    // @ts-expect-error: a swallowed cancellation has no value.
    const value: string = await moveOnAfter(10, () => "value");
    assert.equal(value, "value");
  }));

test("tasks and channels keep the type of what they carry", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(async () => 42);
      hasType<Task<number>>()(task, true);
      hasType<number>()(await task, true);
      hasType<number>()(task.result(), true);
      hasType<Task<string>>()(
        group.spawn(() => "sync"),
        true,
      );
      const [sender, receiver] = channel<number>(1);
      hasType<Sender<number>>()(sender, true);
      hasType<Receiver<number>>()(receiver, true);
      await sender.send(1);
      hasType<number>()(await receiver.receive(), true);
      // @ts-expect-error: the wrong type.
      await sender.send("text");
      const wrong: unknown = await receiver.receive();
      assert.equal(wrong, "text");
    }),
  ));

test("what is typed T throws rather than be undefined", () =>
  virtually(async () => {
    const bodies = [
      withTimeout(10, async (scope) => {
        scope.cancel();
        await checkpoint();
        return "value";
      }),
      shield(async (scope) => {
        scope.cancel();
        await checkpoint();
        return "value";
      }),
      taskGroup(async () => {
        currentScope().cancel();
        await checkpoint();
        return "value";
      }),
      run(async () => {
        currentScope().cancel();
        await checkpoint();
        return "value";
      }),
    ];
    for (const body of bodies) await cancellation(body);
    await rejection(withTimeout(1, sleepForever));
  }));

test("what is typed T or undefined is undefined when its own cancellation cut it short", () =>
  virtually(async () => {
    const value = await cancelScope(async (scope) => {
      scope.cancel();
      await checkpoint();
      return "value";
    });
    assert.equal(value, undefined);
    assert.equal(await moveOnAfter(1, () => sleepForever()), undefined);
  }));

test("cancelAll leaves the body its value: a group has no silent cancellation of itself", () =>
  virtually(async () => {
    const value = await taskGroup(async (group) => {
      group.spawn(sleepForever);
      group.cancelAll();
      await checkpoint();
      return "value";
    });
    assert.equal(value, "value");
  }));

function virtualRunOf<T>(value: T): Promise<T> {
  // On the loop that is running: another one would be refused.
  const make: typeof virtualRun = (fn) => run(fn);
  return make(() => value);
}
