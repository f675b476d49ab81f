/** Rule 14: every error of the library is built where it is awaited, so its stack names the user's functions. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  cancelScope,
  channel,
  checkpoint,
  Event,
  moveOnAfter,
  shield,
  sleep,
  sleepForever,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { MAX_FAST_REFUSALS } from "../../src/kernel/checkpoint.ts";
import { rejection } from "../support/rejection.ts";
import { assertStack } from "../support/stack.ts";
import { virtually } from "../support/virtual.ts";

interface Refused {
  readonly name: string;
  wait(): PromiseLike<unknown>;
}

function refusedWaits(): Refused[] {
  const event = new Event();
  const [sender, receiver] = channel<number>(0);
  return [
    { name: "sleep", wait: () => sleep(1_000) },
    { name: "sleepForever", wait: () => sleepForever() },
    { name: "event.wait", wait: () => event.wait() },
    { name: "sender.send", wait: () => sender.send(1) },
    { name: "receiver.receive", wait: () => receiver.receive() },
    { name: "until", wait: () => until(new Promise(() => {})) },
    {
      name: "abortable",
      wait: () =>
        abortable((signal) => {
          const { promise, reject } = Promise.withResolvers();
          signal.addEventListener("abort", () => reject(signal.reason));
          return promise;
        }),
    },
  ];
}

for (const { name } of refusedWaits()) {
  test(`${name}: the Cancelled of an interrupted wait shows who waited`, () =>
    virtually(() =>
      taskGroup(async (group) => {
        const { wait } = refusedWaits().find((refused) => refused.name === name) as Refused;
        async function innerUser(): Promise<void> {
          await wait();
        }
        async function outerUser(): Promise<void> {
          await innerUser();
        }
        const task = group.spawn(outerUser);
        await waitAllTasksBlocked();
        task.cancel();
        assertStack(await rejection(task), "innerUser", "outerUser");
      }),
    ));

  test(`${name}: the Cancelled of a wait that was refused on entry shows who waited`, () =>
    virtually(async () => {
      const { wait } = refusedWaits().find((refused) => refused.name === name) as Refused;
      async function innerUser(): Promise<void> {
        await wait();
      }
      async function outerUser(): Promise<void> {
        await innerUser();
      }
      await cancelScope(async (scope) => {
        scope.cancel();
        assertStack(await rejection(outerUser()), "innerUser", "outerUser");
      });
    }));
}

test("checkpoint, also when the task was slowed for swallowing", () =>
  virtually(async () => {
    async function innerUser(): Promise<void> {
      await checkpoint();
    }
    async function outerUser(): Promise<void> {
      await innerUser();
    }
    await cancelScope(async (scope) => {
      scope.cancel();
      assertStack(await rejection(outerUser()), "innerUser", "outerUser");
      for (let spin = 0; spin < MAX_FAST_REFUSALS; spin++) await rejection(checkpoint());
      assertStack(await rejection(outerUser()), "innerUser", "outerUser");
    });
  }));

test("await task: the Cancelled of the waiter shows the waiter", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const sleeper = group.spawn(sleepForever);
      async function innerUser(): Promise<void> {
        await sleeper;
      }
      async function outerUser(): Promise<void> {
        await innerUser();
      }
      const task = group.spawn(outerUser);
      await waitAllTasksBlocked();
      task.cancel();
      assertStack(await rejection(task), "innerUser", "outerUser");
      group.cancelAll();
    }),
  ));

test("await task: an error thrown in a task keeps the stack of where it was thrown", () =>
  virtually(async () => {
    async function innerUser(): Promise<void> {
      await sleep(1);
      throw new Error("own");
    }
    async function outerUser(): Promise<void> {
      await innerUser();
    }
    const error = await rejection(
      taskGroup(async (group) => {
        await group.spawn(outerUser);
      }),
    );
    assertStack(error, "innerUser", "outerUser");
  }));

test("TimeoutError shows who set the timeout, through nested scopes", () =>
  virtually(async () => {
    async function innerUser(): Promise<void> {
      await withTimeout(10, sleepForever);
    }
    async function middleUser(): Promise<void> {
      await cancelScope(innerUser);
    }
    async function outerUser(): Promise<void> {
      await withTimeout(1_000, middleUser);
    }
    assertStack(await rejection(shield(outerUser)), "innerUser", "middleUser", "outerUser");
  }));

test("Cancelled shows every function between the wait and the task, with at most two frames a scope", () =>
  virtually(() =>
    taskGroup(async (group) => {
      async function one(): Promise<void> {
        await sleepForever();
      }
      async function two(): Promise<void> {
        await withTimeout(1_000, one);
      }
      async function three(): Promise<void> {
        await taskGroup(two);
      }
      async function four(): Promise<void> {
        await moveOnAfter(1_000, three);
      }
      const task = group.spawn(four);
      await waitAllTasksBlocked();
      task.cancel();
      assertStack(await rejection(task), "one", "two", "three", "four");
    }),
  ));

test("ClosedError, BrokenError and EndOfChannel show who waited or called", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const cases: [(sender: Channel[0], receiver: Channel[1]) => PromiseLike<unknown>, (channel: Channel) => void][] =
        [
          [(sender) => sender.send(1), ([sender]) => sender.close()],
          [(sender) => sender.send(1), ([, receiver]) => receiver.close()],
          [(_, receiver) => receiver.receive(), ([sender]) => sender.close()],
          [(_, receiver) => receiver.receive(), ([, receiver]) => receiver.close()],
        ];
      for (const [wait, close] of cases) {
        for (const isFirst of [true, false]) {
          const both = channel<number>(0);
          async function innerUser(): Promise<void> {
            await checkpoint();
            await wait(...both);
          }
          async function outerUser(): Promise<void> {
            await innerUser();
          }
          if (isFirst) close(both);
          const error = group.spawn(() => rejection(outerUser()));
          await waitAllTasksBlocked();
          close(both);
          assertStack(await error, "innerUser", "outerUser");
        }
      }
    }),
  ));

type Channel = ReturnType<typeof channel<number>>;

test("an error that a foreign promise failed with is handed on as it is", () =>
  virtually(async () => {
    const error = new Error("foreign");
    const { stack } = error;
    assert.equal(await rejection(until(Promise.reject(error))), error);
    assert.equal(await rejection(abortable(() => Promise.reject(error))), error);
    assert.equal(error.stack, stack);
  }));
