/** Rule 15: what was abandoned raises nothing when it is cancelled, and a real failure is never dropped. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  type CancelScope,
  cancelScope,
  channel,
  checkpoint,
  Event,
  isCancelled,
  moveOnAfter,
  run,
  shield,
  sleep,
  sleepForever,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { VirtualLoop, waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { virtually } from "../support/virtual.ts";

interface Abandoned {
  readonly name: string;
  /** Begins something in the current scope and lets go of its promise. */
  begin(scope: CancelScope): unknown;
}

const abandoned: readonly Abandoned[] = [
  { name: "checkpoint", begin: () => checkpoint() },
  { name: "sleep", begin: () => sleep(1_000) },
  { name: "sleep of zero", begin: () => sleep(0) },
  { name: "sleepForever", begin: () => sleepForever() },
  { name: "event.wait", begin: () => new Event().wait() },
  { name: "sender.send", begin: () => channel(0)[0].send(1) },
  { name: "receiver.receive", begin: () => channel(0)[1].receive() },
  { name: "until", begin: () => until(new Promise(() => {})) },
  {
    name: "abortable",
    begin: () =>
      abortable((signal) => {
        const { promise, reject } = Promise.withResolvers();
        signal.addEventListener("abort", () => reject(signal.reason));
        if (signal.aborted) reject(signal.reason);
        return promise;
      }),
  },
  { name: "scope.whenStopping", begin: (scope) => scope.whenStopping() },
  { name: "waitAllTasksBlocked", begin: () => waitAllTasksBlocked() },
  { name: "cancelScope", begin: () => cancelScope(sleepForever) },
  { name: "moveOnAfter", begin: () => moveOnAfter(1_000, sleepForever) },
  { name: "withTimeout", begin: () => withTimeout(1_000, sleepForever) },
  { name: "shield with grace", begin: () => shield(sleepForever, { graceMs: 10 }) },
  { name: "run inside run", begin: () => run(sleepForever) },
  { name: "taskGroup, cancelled in its body", begin: () => taskGroup(sleepForever) },
  {
    name: "taskGroup, cancelled in a child",
    begin: () =>
      taskGroup((group) => {
        group.spawn(sleepForever);
      }),
  },
  {
    name: "task.then with one callback",
    begin: () =>
      taskGroup((group) => {
        void group.spawn(sleepForever).then(() => {});
      }),
  },
  {
    name: "task.then without callbacks",
    begin: () =>
      taskGroup((group) => {
        void group.spawn(sleepForever).then();
      }),
  },
  {
    name: "scopes in scopes",
    begin: () =>
      cancelScope(() => withTimeout(1_000, () => taskGroup(() => shield(() => moveOnAfter(1, sleepForever))))),
  },
];

for (const { name, begin } of abandoned) {
  test(`${name}: abandoned and then cancelled, it raises nothing`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(() =>
        taskGroup(async (group) => {
          const task = group.spawn(() =>
            cancelScope(async (scope) => {
              begin(scope);
              await sleepForever();
            }),
          );
          await sleep(1);
          task.cancel();
        }),
      ),
    );
    assertNothing(raised);
  });

  test(`${name}: abandoned in a scope that is cancelled already, it raises nothing`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(() =>
        taskGroup((group) => {
          group.spawn(async () => {
            await cancelScope(async (scope) => {
              scope.cancel();
              begin(scope);
              await checkpoint();
            });
            await sleep(20);
          });
        }),
      ).catch(() => {}),
    );
    assertNothing(raised);
  });

  test(`${name}: abandoned and cancelled by hand, it raises nothing`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(() =>
        taskGroup(async (group) => {
          group.spawn(async () => {
            await cancelScope(async (scope) => {
              begin(scope);
              await sleep(1);
              scope.cancel();
            });
            await sleep(20);
          });
          await sleep(30);
          group.cancelAll();
        }),
      ),
    );
    assertNothing(raised);
  });
}

test("a promise that fails after its wait was cancelled raises nothing", async () => {
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      const during = Promise.withResolvers();
      const before = Promise.withResolvers();
      await cancelScope(async (scope) => {
        void until(during.promise);
        scope.cancel();
        void until(before.promise);
        await checkpoint();
      });
      during.reject(new Error("during"));
      before.reject(new Error("before"));
      await sleep(1);
    }),
  );
  assertNothing(raised);
});

test("an abandoned run that is aborted raises nothing", async () => {
  const raised = await unhandledDuring(() => {
    void run(sleepForever, { signal: AbortSignal.abort() });
    void run(sleepForever, { loop: new VirtualLoop(), signal: AbortSignal.abort() });
  });
  assertNothing(raised);
});

test("a wait for a task that was cancelled on its own raises nothing when abandoned", async () => {
  const raised = await unhandledDuring(() =>
    virtually(() =>
      taskGroup(async (group) => {
        const task = group.spawn(sleepForever);
        void task.then(() => {});
        void until(task);
        await waitAllTasksBlocked();
        task.cancel();
        await assert.rejects(async () => await task, isCancelled);
        void task.then(() => {});
        void until(task);
        await checkpoint();
      }),
    ),
  );
  assertNothing(raised);
});

test("a task that nobody awaits raises nothing by itself: its failure is the group's", async () => {
  const error = new Error("own");
  const raised = await unhandledDuring(async () => {
    const thrown = await rejection(
      virtually(() =>
        taskGroup((group) => {
          group.spawn(() => Promise.reject(error));
        }),
      ),
    );
    assert.equal(thrown, error);
  });
  assertNothing(raised);
});

for (const [name, fail] of [
  ["taskGroup, failed in its body", (error) => taskGroup(() => Promise.reject(error))],
  [
    "taskGroup, failed in a child",
    (error) =>
      taskGroup((group) => {
        group.spawn(() => Promise.reject(error));
      }),
  ],
  ["cancelScope", (error) => cancelScope(() => Promise.reject(error))],
  ["withTimeout", (error) => withTimeout(10, () => Promise.reject(error))],
  ["shield", (error) => shield(() => Promise.reject(error))],
  ["run", (error) => run(() => Promise.reject(error))],
  ["until", (error) => until(Promise.reject(error))],
  ["abortable", (error) => abortable(() => Promise.reject(error))],
] as [string, (error: Error) => Promise<unknown>][]) {
  test(`${name}: a real failure in an abandoned promise is raised, once`, async () => {
    const error = new Error("real");
    const raised = await unhandledDuring(async () => {
      await virtually(async () => {
        void fail(error);
        await checkpoint();
        await sleep(1);
      });
    });
    assert.deepEqual(raised, [error]);
  });

  test(`${name}: a real failure that comes after the cancellation is raised, too`, async () => {
    const error = new Error("real");
    const raised = await unhandledDuring(async () => {
      await virtually(async () => {
        await cancelScope(async (scope) => {
          void fail(error);
          scope.cancel();
          await checkpoint();
        });
        await sleep(1);
      });
    });
    assert.deepEqual(raised, [error]);
  });
}

test("an abandoned withTimeout that times out is a real failure", async () => {
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      void withTimeout(1, sleepForever);
      await sleep(5);
    }),
  );
  assert.equal(raised.length, 1);
  assert.equal((raised[0] as Error).name, "TimeoutError");
});

test("an abandoned wait whose channel is closed is a real failure", async () => {
  const raised = await unhandledDuring(() =>
    virtually(async () => {
      const [sender, receiver] = channel(0);
      void receiver.receive();
      sender.close();
      await checkpoint();
    }),
  );
  assert.equal(raised.length, 1);
  assert.equal((raised[0] as Error).name, "EndOfChannel");
});

test("a promise that is awaited late is not raised when it was cancelled", async () => {
  const raised = await unhandledDuring(() =>
    virtually(() =>
      taskGroup(async (group) => {
        await group.spawn(() =>
          cancelScope(async (scope) => {
            const waiting = sleepForever();
            scope.cancel();
            await new Promise<void>((resolve) => queueMicrotask(resolve));
            await shield(() => sleep(5));
            await waiting;
          }),
        );
      }),
    ),
  );
  assertNothing(raised);
});

function assertNothing(raised: unknown[]): void {
  assert.deepEqual(
    raised.map((reason) => (reason as Error).stack),
    [],
  );
}
