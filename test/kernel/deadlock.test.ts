/** What a run says, and how it unwinds, when nothing can ever happen in it again. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  cancelScope,
  channel,
  coroutine,
  currentScope,
  DeadlockError,
  Event,
  Future,
  isCancelled,
  run,
  shield,
  sleep,
  sleepForever,
  supervisor,
  suppressedErrors,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { VirtualLoop, virtualRun } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";

/** The report of a run that must be stuck. */
async function deadlockOf(fn: () => unknown): Promise<DeadlockError> {
  const error = await rejection(virtualRun(async () => await fn()));
  assert.ok(error instanceof DeadlockError, String(error));
  assert.equal(error.code, "DEADLOCK");
  return error;
}

/** What the report says of a task: the names of the user's functions in its await site, innermost first; or its words. */
function siteOf(error: DeadlockError, task: string): string[] | string {
  const lines = error.message.split("\n");
  const at = lines.findIndex((line) => line.startsWith(`  task "${task}"`));
  assert.ok(at > 0, `task "${task}" is not named:\n${error.message}`);
  if (!(lines[at] as string).endsWith(" waits")) return lines[at] as string;
  const rest = lines.slice(at + 1);
  const end = rest.findIndex((line) => !/^\s+at /.test(line));
  const frames = end < 0 ? rest : rest.slice(0, end);
  return frames.flatMap((line) => /at (?:async )?(\w+User)\b/.exec(line)?.[1] ?? []);
}

const waits: Record<string, () => PromiseLike<unknown>> = {
  sleepForever: () => sleepForever(),
  "event.wait": () => new Event().wait(),
  "sender.send": () => channel(0)[0].send(1),
  "receiver.receive": () => channel(0)[1].receive(),
  "await future": () => new Future(),
  until: () => until(new Promise(() => {})),
  abortable: () =>
    abortable((signal) => {
      const { promise, reject } = Promise.withResolvers();
      signal.addEventListener("abort", () => reject(signal.reason));
      return promise;
    }),
  "scope.whenStopping": () => currentScope().whenStopping(),
  "inside of a shield": () => shield(() => new Event().wait()),
  "inside of scopes": () => cancelScope(() => withTimeout(Infinity, () => new Event().wait())),
};

for (const [name, wait] of Object.entries(waits)) {
  test(`a task that is blocked is named with its await site: ${name}`, async () => {
    async function innerUser(): Promise<void> {
      await wait();
    }
    async function outerUser(): Promise<void> {
      await innerUser();
    }
    const error = await deadlockOf(() =>
      taskGroup((group) => {
        group.spawn(outerUser, { name: "blocked" });
      }),
    );
    const site = siteOf(error, "blocked");
    assert.deepEqual(site.slice(0, 1), ["innerUser"], error.message);
  });

  test(`also where the task has looked at its scope's signal before: ${name}`, async () => {
    async function innerUser(): Promise<void> {
      currentScope().signal.addEventListener("abort", () => {});
      await wait();
    }
    const error = await deadlockOf(() =>
      taskGroup((group) => {
        group.spawn(innerUser, { name: "blocked" });
      }),
    );
    assert.deepEqual(siteOf(error, "blocked").slice(0, 1), ["innerUser"], error.message);
  });
}

test("a task that waits for a start is named with its await site, and so is the child", async () => {
  async function callerUser(): Promise<void> {
    await taskGroup(async (inner) => {
      await inner.start(childUser, { name: "child" });
    });
  }
  async function childUser(): Promise<void> {
    await new Event().wait();
  }
  const error = await deadlockOf(() =>
    taskGroup((group) => {
      group.spawn(callerUser, { name: "caller" });
    }),
  );
  assert.deepEqual(siteOf(error, "child"), ["childUser"]);
  assert.deepEqual(siteOf(error, "caller").slice(0, 1), ["callerUser"], error.message);
});

test("two tasks that wait for each other are both named", async () => {
  const error = await deadlockOf(() =>
    taskGroup((group) => {
      async function firstUser(): Promise<void> {
        await second;
      }
      async function secondUser(): Promise<void> {
        await first;
      }
      const first = group.spawn(firstUser, { name: "first" });
      const second = group.spawn(secondUser, { name: "second" });
    }),
  );
  assert.deepEqual(siteOf(error, "first"), ["firstUser"]);
  assert.deepEqual(siteOf(error, "second"), ["secondUser"]);
});

test("a generator is named with the line of its yield*", async () => {
  const waiting = coroutine(function* innerUser() {
    yield* until(new Event().wait());
  });
  const error = await deadlockOf(() =>
    taskGroup((group) => {
      group.spawn(
        function* outerUser() {
          yield* waiting();
        },
        { name: "generator" },
      );
    }),
  );
  assert.deepEqual(siteOf(error, "generator").slice(0, 1), ["innerUser"]);
});

const foreign: Record<string, () => unknown> = {
  "a task": () => new Promise(() => {}),
  "a scope in a task": () => cancelScope(() => withTimeout(1_000, () => shield(() => new Promise(() => {})))),
  "the body of a group": () => taskGroup(() => new Promise(() => {})),
  "the body of a group with a background task": () =>
    taskGroup(async (group) => {
      group.spawn(() => {}, { background: true });
      await new Promise(() => {});
    }),
  "a generator": () =>
    coroutine(function* () {
      yield new Promise(() => {});
    })(),
  "a scope that the task left open": () => {
    void cancelScope(() => new Promise(() => {}));
  },
};

for (const [name, wait] of Object.entries(foreign)) {
  test(`a native await is named as one that cannot be seen into: in ${name}`, async () => {
    const error = await deadlockOf(() =>
      taskGroup((group) => {
        group.spawn(async () => await wait(), { name: "foreign" });
      }),
    );
    assert.match(String(siteOf(error, "foreign")), /in an await of its own.*until\(promise\) would show it/);
  });
}

test("tasks that only wait for their children are not named beside them", async () => {
  const error = await deadlockOf(() =>
    taskGroup((group) => {
      group.spawn(
        () =>
          taskGroup((inner) => {
            inner.spawn(() => new Promise(() => {}), { name: "child" });
          }),
        { name: "parent" },
      );
    }),
  );
  assert.match(String(siteOf(error, "child")), /await of its own/);
  assert.doesNotMatch(error.message, /"parent"/);
});

test("those in waits and those in native awaits are named together", async () => {
  const error = await deadlockOf(() =>
    taskGroup((group) => {
      group.spawn(sleepForever, { name: "waiting" });
      group.spawn(() => new Promise(() => {}), { name: "foreign" });
    }),
  );
  siteOf(error, "waiting");
  siteOf(error, "foreign");
});

test("a task with thousands of waits is named once, and the next one keeps its words", async () => {
  const error = await deadlockOf(() =>
    taskGroup((group) => {
      group.spawn(
        async () => {
          for (let count = 0; count < 3_000; count++) void sleepForever();
          await sleepForever();
        },
        { name: "many" },
      );
      group.spawn(sleepForever, { name: "next" });
    }),
  );
  assert.equal(error.message.match(/"many"/g)?.length, 1);
  assert.ok(Array.isArray(siteOf(error, "many")), error.message);
  assert.ok(Array.isArray(siteOf(error, "next")), "it is not in an await of its own");
});

test("of a thousand blocked tasks twenty are named, and the others are counted", async () => {
  const error = await deadlockOf(() =>
    taskGroup((group) => {
      for (let index = 0; index < 1_000; index++) group.spawn(sleepForever, { name: `blocked ${index}` });
    }),
  );
  assert.equal(error.message.match(/^ {2}task "blocked \d+" waits$/gm)?.length, 20);
  assert.match(error.message, /and 980 more$/);
});

test("the stack of the report is its message: the loop's frames are of no use", async () => {
  const error = await deadlockOf(sleepForever);
  assert.equal(error.stack, `DeadlockError: ${error.message}`);
});

test("the waits throw a Cancelled whose reason is the report, through every scope, and shields do not hide it", async () => {
  const seen: unknown[] = [];
  const error = await deadlockOf(() =>
    cancelScope(() =>
      shield(() =>
        shield(async () => {
          try {
            await sleepForever();
          } catch (cut) {
            seen.push(isCancelled(cut) && cut.reason);
            throw cut;
          }
        }),
      ),
    ),
  );
  assert.deepEqual(seen, [error]);
});

test("cleanup that sleeps, shielded, runs to its end before the run ends", async () => {
  const loop = new VirtualLoop();
  const log: string[] = [];
  const error = await rejection(
    run(
      () =>
        taskGroup((group) => {
          group.spawn(async () => {
            try {
              await sleepForever();
            } finally {
              await shield(() => sleep(100));
              log.push(`clean at ${loop.time()}`);
            }
          });
        }),
      { loop },
    ),
  );
  assert.ok(error instanceof DeadlockError);
  assert.deepEqual(log, ["clean at 100"]);
});

test("cleanup that is stuck itself, shielded, is cut short in its turn", async () => {
  const log: string[] = [];
  await deadlockOf(async () => {
    try {
      await sleepForever();
    } finally {
      try {
        await shield(sleepForever);
      } finally {
        log.push("first");
        await shield(() => new Event().wait()).catch(() => log.push("second"));
      }
    }
  });
  assert.deepEqual(log, ["first", "second"]);
});

test("a task that is stuck in a native await does not keep the others from cleaning up", async () => {
  const log: string[] = [];
  await deadlockOf(() =>
    taskGroup((group) => {
      group.spawn(() => new Promise(() => {}));
      group.spawn(async () => {
        await rejection(sleepForever());
        await shield(() => sleep(10));
        log.push("clean");
      });
    }),
  );
  assert.deepEqual(log, ["clean"]);
});

test("a failure while unwinding comes out instead, and carries the report", async () => {
  const failure = new TypeError("in the cleanup");
  const error = await rejection(
    virtualRun(async () => {
      try {
        await sleepForever();
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: that a cleanup may throw is what this is about.
        throw failure;
      }
    }),
  );
  assert.equal(error, failure);
  const [report] = suppressedErrors(error);
  assert.ok(report instanceof DeadlockError);
  assert.match(report.message, / waits/);
});

test("a run that swallows the cancellation and returns keeps its value, and the report is a warning", async () => {
  const warnings: string[] = [];
  class WarnedLoop extends VirtualLoop {
    override warn(message: string, code: string): void {
      warnings.push(code, message);
    }
  }
  const value = await run(() => sleepForever().catch(() => "went on"), { loop: new WarnedLoop() });
  assert.equal(value, "went on");
  assert.equal(warnings[0], "COPPICE_DEADLOCK");
  assert.match(warnings[1] ?? "", /every task is blocked/);
});

test("a supervisor lets the report pass", async () => {
  const error = await deadlockOf(() =>
    supervisor((group) => {
      group.spawn(sleepForever, { name: "a" });
      group.spawn(sleepForever, { name: "b" });
    }),
  );
  siteOf(error, "a");
  siteOf(error, "b");
});

test("a run inside of a run is no island: the whole is stuck, and says so once", async () => {
  const error = await deadlockOf(() => run(() => run(sleepForever, { name: "innermost" })));
  assert.match(error.message, /waits/);
});

test("what was abandoned in a run that is stuck raises nothing", async () => {
  const raised = await unhandledDuring(() =>
    deadlockOf(() =>
      taskGroup(async (group) => {
        void sleepForever();
        void until(new Promise(() => {}));
        void new Future().then();
        void group.start(sleepForever);
        void withTimeout(Infinity, sleepForever);
        void shield(sleepForever);
        void coroutine(function* () {
          yield* new Future<void>();
        })().then();
        await sleepForever();
      }),
    ),
  );
  assert.deepEqual(raised, []);
});

test("with drawn orders the same tasks are named", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const error = await rejection(
      virtualRun(
        () =>
          taskGroup((group) => {
            for (const name of "abc") group.spawn(sleepForever, { name });
          }),
        { seed },
      ),
    );
    assert.ok(error instanceof DeadlockError);
    for (const name of "abc") assert.ok(Array.isArray(siteOf(error, name)));
  }
});
