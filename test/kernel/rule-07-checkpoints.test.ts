/** Rule 7: every waiting function is a checkpoint. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  all,
  type CancelScope,
  cancelScope,
  channel,
  checkpoint,
  Event,
  moveOnAfter,
  race,
  run,
  shield,
  sleep,
  sleepForever,
  supervisor,
  TimeoutError,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { waitAllTasksBlocked } from "coppice/testing";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { blockLoop, virtually } from "../support/virtual.ts";

interface Ready {
  readonly name: string;
  /** A call that need not wait, or would not wait long. */
  call(scope: CancelScope): PromiseLike<unknown>;
  /** That the refused call had no effect. */
  verify?(): Promise<void>;
}

function readyWaits(): Ready[] {
  const event = new Event();
  event.set();
  const [sender, receiver] = channel<string>(Infinity);
  const [fullSender, fullReceiver] = channel<string>(1);
  void fullSender.send("buffered");
  let calls = 0;
  return [
    { name: "sleep", call: () => sleep(10) },
    { name: "sleep of zero", call: () => sleep(0) },
    { name: "sleepForever", call: () => sleepForever() },
    { name: "checkpoint", call: () => checkpoint() },
    { name: "until of a settled promise", call: () => until(Promise.resolve("value")) },
    { name: "until of a failed promise", call: () => until(Promise.reject(new Error("failed"))) },
    {
      name: "abortable",
      call: () => abortable(() => calls++),
      verify: async () => assert.equal(calls, 0, "the function was not called"),
    },
    { name: "event.wait of a set event", call: () => event.wait() },
    {
      name: "sender.send with room",
      call: () => sender.send("value"),
      verify: async () => {
        const value = await moveOnAfter(1, () => receiver.receive());
        assert.equal(value, undefined, "nothing was sent");
      },
    },
    {
      name: "receiver.receive with a value there",
      call: () => fullReceiver.receive(),
      verify: async () => assert.equal(await fullReceiver.receive(), "buffered"),
    },
    {
      name: "scope.whenStopping of a stopping scope",
      call: (scope) => {
        scope.stop({ graceMs: Infinity });
        return scope.whenStopping();
      },
    },
    { name: "waitAllTasksBlocked", call: () => waitAllTasksBlocked() },
  ];
}

for (const { name } of readyWaits()) {
  const ready = (): Ready => readyWaits().find((wait) => wait.name === name) as Ready;

  test(`${name} throws on entry in a cancelled scope, and has no effect`, () =>
    virtually(async () => {
      const { call, verify } = ready();
      await cancelScope(async (scope) => {
        scope.cancel();
        await assertCancelledBy(scope, call(scope));
      });
      await verify?.();
    }));

  test(`${name} throws on entry when the deadline has passed, though its timer could not fire`, () =>
    virtually(async () => {
      const { call, verify } = ready();
      await moveOnAfter(10, async (scope) => {
        blockLoop(10);
        assert.equal(scope.cancelCalled, false);
        await assertCancelledBy(scope, call(scope));
        assert.equal(scope.cancelCalled, true);
      });
      await verify?.();
    }));

  test(`${name} works in a shield inside a cancelled scope`, () =>
    virtually(async () => {
      await cancelScope(async (scope) => {
        scope.cancel();
        await shield(() =>
          moveOnAfter(20, async (shielded) => {
            const { call } = ready();
            if (name.includes("failed")) await rejection(call(shielded));
            else await call(shielded);
            assert.equal(shielded.cancelCalled, false);
          }),
        );
      });
    }));
}

test("await task throws on entry when the deadline has passed, though the task is done", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const task = group.spawn(() => "value");
      await task;
      const error = await rejection(
        withTimeout(10, async () => {
          blockLoop(10);
          await task;
        }),
      );
      assert.ok(error instanceof TimeoutError);
    }),
  ));

test("an overdue deadline of an outer scope is seen through the scopes inside, up to a shield", () =>
  virtually(async () => {
    await moveOnAfter(10, async (outer) => {
      await cancelScope(async () => {
        blockLoop(10);
        await shield(() => checkpoint());
        assert.equal(outer.cancelCalled, false);
        await assertCancelledBy(outer, checkpoint());
      });
    });
  }));

test("scopes and groups are no checkpoints: they throw nothing of their own", () =>
  virtually(async () => {
    const log: string[] = [];
    await cancelScope(async (scope) => {
      scope.cancel();
      log.push(await taskGroup(() => "taskGroup"));
      log.push((await cancelScope(() => "cancelScope")) ?? "lost");
      log.push((await moveOnAfter(0, () => "moveOnAfter")) ?? "lost");
      log.push(await withTimeout(0, () => "withTimeout"));
      log.push(await shield(() => "shield"));
      log.push(await run(() => "run"));
    });
    assert.deepEqual(log, ["taskGroup", "cancelScope", "moveOnAfter", "withTimeout", "shield", "run"]);
  }));

test("a receiver that is cancelled leaves its turn to the next", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<string>(0);
      const first = group.spawn(() => receiver.receive());
      const second = group.spawn(() => receiver.receive());
      await waitAllTasksBlocked();
      first.cancel();
      await sender.send("value");
      assert.equal(await second, "value");
    }),
  ));

test("a sender that is cancelled leaves its place to the next", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const [sender, receiver] = channel<string>(0);
      const first = group.spawn(() => sender.send("first"));
      group.spawn(() => sender.send("second"));
      await waitAllTasksBlocked();
      first.cancel();
      assert.equal(await receiver.receive(), "second");
    }),
  ));

test("on the virtual loop the budget is a count: a loop of checkpoints lets the others have a turn", () =>
  virtually(async () => {
    let isOver = false;
    setImmediate(() => {
      isOver = true;
    });
    let checkpoints = 0;
    while (!isOver) {
      await checkpoint();
      checkpoints++;
    }
    assert.ok(checkpoints >= 900 && checkpoints <= 3_000, `${checkpoints}`);
  }));

test("a promise that fails while its wait lets the loop breathe is no unhandled rejection", async () => {
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      for (let round = 0; round < 1_100; round++) {
        const error = await rejection(until(Promise.reject(new Error(`round ${round}`))));
        assert.equal((error as Error).message, `round ${round}`);
      }
    }),
  );
  assert.deepEqual(raised, []);
});

for (const [name, open] of [
  ["taskGroup", () => taskGroup((group) => void group.spawn(() => {}))],
  ["supervisor", () => supervisor((group) => void group.spawn(() => {}))],
  ["all", () => all([() => {}])],
  ["race", () => race([() => {}])],
] as const) {
  test(`the end of a ${name} throws nothing of its own, but the event loop gets its turn there, so tasks that never wait starve nobody`, () =>
    virtually(() =>
      cancelScope(async (scope) => {
        let roundsBefore = Infinity;
        let rounds = 0;
        await taskGroup(async (group) => {
          group.spawn(() =>
            shield(async () => {
              await sleep(0);
              roundsBefore = rounds;
            }),
          );
          scope.cancel();
          while (rounds < 3_000) {
            await open();
            rounds++;
          }
        });
        assert.ok(roundsBefore < 3_000, `after ${roundsBefore} rounds`);
      }),
    ));
}
