/** The leak guard on what belongs to the kernel and to JavaScript, in virtual runs and around them. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import test from "node:test";
import {
  cancelScope,
  channel,
  checkpoint,
  currentLoop,
  Event,
  Future,
  run,
  shield,
  sleep,
  sleepForever,
  suppressedErrors,
  taskGroup,
  until,
  withTimeout,
} from "coppice";
import { listen, openTcp, serve } from "coppice/net";
import { type Leak, LeakError, virtualRun, waitAllTasksBlocked, withLeakGuard } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";

const HERE = /leak-guard\.test\.ts:\d+/;

/** What a guard in a virtual run says of `fn`. */
async function leaksOf(fn: () => unknown): Promise<readonly Leak[]> {
  const error = await rejection(virtualRun(() => withLeakGuard(fn)));
  assert.ok(error instanceof LeakError, String(error));
  assert.equal(error.code, "LEAK");
  return error.leaks;
}

function kinds(leaks: readonly Leak[]): string[] {
  return leaks.map(({ kind, what }) => `${kind}: ${what}`);
}

test("a group that nobody awaited is named with its tasks, and where they were started", async () => {
  const leaks = await leaksOf(function startsTasks() {
    void taskGroup(function poll(group) {
      group.spawn(sleepForever, { name: "poller" });
    });
  });
  assert.deepEqual(kinds(leaks), [
    'task: "poller", in task group "poll", in task "virtual run", in virtual run',
    'scope: task group "poll", opened and not awaited',
  ]);
  assert.match(leaks[0]?.where ?? "", HERE);
});

test("a scope that nobody awaited, and a wait that nobody awaited", async () => {
  assert.deepEqual(kinds(await leaksOf(() => void cancelScope(sleepForever, { name: "heartbeat" }))), [
    "scope: heartbeat, opened and not awaited",
  ]);
  assert.deepEqual(kinds(await leaksOf(() => void new Event().wait())), ["wait: a wait, begun and not awaited"]);
  const asleep = await leaksOf(() => void sleep(1_000));
  assert.deepEqual(kinds(asleep), [
    'timer: of loop "virtual", due in 1000 ms',
    "wait: a wait (sleep), begun and not awaited",
  ]);
  assert.match(asleep[0]?.where ?? "", HERE);
});

test("a timer of the loop, and one of the host on the virtual clock", async () => {
  const [leak, ...others] = await leaksOf(() => currentLoop().callAt(50, () => {}));
  assert.deepEqual(others, []);
  assert.equal(leak?.what, 'of loop "virtual", due in 50 ms');
  assert.match(leak.where ?? "", HERE);
  const error = await rejection(
    virtualRun(() => withLeakGuard(() => void setTimeout(() => {}, 1_000)), { hostTimers: true }),
  );
  assert.ok(error instanceof LeakError);
  assert.equal(error.leaks.length, 1);
  assert.match(error.leaks[0]?.where ?? "", HERE);
});

test("a task that was handed to a group outside of the guard", async () => {
  await virtualRun(() =>
    taskGroup(async (group) => {
      group.spawn(sleepForever, { name: "older" });
      const error = await rejection(
        withLeakGuard(() => {
          group.spawn(sleepForever, { name: "newer" });
        }),
      );
      assert.deepEqual(kinds((error as LeakError).leaks), [
        'task: "newer", in task group "anonymous", in task "virtual run", in virtual run',
      ]);
      group.cancelAll();
    }),
  );
});

test("listeners of what it is given, and of the process", async () => {
  const emitter = new EventEmitter();
  const controller = new AbortController();
  const target = new EventTarget();
  emitter.on("data", () => {});
  const onData = (): void => {};
  const error = await rejection(
    withLeakGuard(
      () => {
        emitter.on("data", onData);
        controller.signal.addEventListener("abort", onData);
        target.addEventListener("message", onData);
        process.on("SIGUSR2", onData);
      },
      { listeners: [emitter, controller.signal, target], patienceMs: 0 },
    ),
  );
  process.off("SIGUSR2", onData);
  assert.deepEqual(kinds((error as LeakError).leaks), [
    'listener: for "SIGUSR2" of process, onData()',
    'listener: for "data" of EventEmitter, onData()',
    'listener: for "abort" of AbortSignal, onData()',
    'listener: for "message" of EventTarget, onData()',
  ]);
});

test("a rejection that nobody took is told, with its stack", async () => {
  const error = new Error("nobody looked");
  let found: unknown;
  const unhandled = await unhandledDuring(async () => {
    found = await rejection(withLeakGuard(() => void Promise.reject(error)));
  });
  assert.deepEqual(unhandled, [error]);
  assert.ok(found instanceof LeakError);
  assert.equal(found.leaks[0]?.kind, "error");
  assert.equal(found.leaks[0]?.value, error);
  assert.match(found.message, /nobody looked[\s\S]*leak-guard\.test\.ts/);
});

test("an error of a future that nobody looked at is told at the end of the run", async (t) => {
  t.mock.method(process, "emitWarning", () => {});
  const error = await rejection(
    withLeakGuard(() =>
      virtualRun(() => {
        new Future<void>().setError(new Error("nobody looked"));
      }),
    ),
  );
  assert.ok(error instanceof LeakError);
  assert.equal(error.leaks[0]?.kind, "warning");
  assert.match(error.message, /COPPICE_UNOBSERVED_ERROR[\s\S]*nobody looked/);
});

test("the guard gives the value of its function; a failure passes, whatever was left", async () => {
  assert.equal(await withLeakGuard(() => Promise.resolve("value")), "value");
  const error = new Error("own");
  const failing = virtualRun(() =>
    withLeakGuard(() => {
      void sleep(10);
      throw error;
    }),
  );
  assert.equal(await rejection(failing), error);
});

test("with a failure goes what was rejected meanwhile", async () => {
  const error = new Error("own");
  const other = new Error("nobody looked");
  await unhandledDuring(async () => {
    const failing = withLeakGuard(() => {
      void Promise.reject(other);
      throw error;
    });
    assert.equal(await rejection(failing), error);
  });
  assert.deepEqual(suppressedErrors(error), [other]);
});

test("what the caller allows is no leak", async () => {
  await virtualRun(() =>
    withLeakGuard(() => void sleep(10), { allow: ({ kind }) => kind === "wait" || kind === "timer" }),
  );
});

test("guards may be nested, and be open at the same time, each with its own leaks", async () => {
  const [first, second] = await Promise.all([
    leaksOf(() => void sleep(1)),
    leaksOf(() => void new Event().wait()),
    virtualRun(() => withLeakGuard(() => withLeakGuard(() => sleep(10)))),
  ]);
  assert.equal(first.length, 2);
  assert.equal(second.length, 1);
  const nested = await leaksOf(() => withLeakGuard(() => void sleep(1)).catch(() => {}));
  assert.equal(nested.length, 2);
});

test("after the last guard, loops and timers are as they were", async () => {
  const { setTimeout: before } = globalThis;
  const listeners = process.listenerCount("unhandledRejection");
  await virtualRun(() => withLeakGuard(checkpoint));
  assert.equal(globalThis.setTimeout, before);
  assert.equal(process.listenerCount("unhandledRejection"), listeners);
  await run(() => {
    for (const method of ["start", "callAt", "warn"]) assert.ok(!Object.hasOwn(currentLoop(), method));
  });
});

test("patience is a duration", async () => {
  assert.ok((await rejection(withLeakGuard(() => {}, { patienceMs: -1 }))) instanceof RangeError);
});

const clean: Record<string, () => unknown> = {
  "tasks, scopes and deadlines that end": () =>
    taskGroup((group) => {
      for (let ms = 0; ms < 20; ms++) group.spawn(() => withTimeout(100, () => shield(() => sleep(ms))));
    }),
  "tasks that are cancelled and clean up": () =>
    taskGroup(async (group) => {
      for (let ms = 0; ms < 20; ms++) group.spawn(() => sleepForever().finally(() => shield(() => sleep(ms))));
      await waitAllTasksBlocked();
      group.cancelAll();
    }),
  "a channel between tasks": () =>
    taskGroup((group) => {
      const [sender, receiver] = channel<number>(2);
      group.spawn(async () => {
        for (let value = 0; value < 50; value++) await sender.send(value);
        sender.close();
      });
      group.spawn(async () => {
        for await (const value of receiver) await sleep(value % 2);
      });
    }),
  "a wait for a promise that is abandoned": () =>
    cancelScope(async (scope) => {
      scope.deadline = currentLoop().time() + 10;
      await until(new Promise(() => {}));
    }),
  "a service in memory": () =>
    taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      group.spawn(() =>
        serve(listener, async (stream) => {
          for await (const bytes of stream) await stream.send(bytes);
        }),
      );
      const stream = await openTcp({ host: "localhost", port: listener.address.port });
      await stream.send(Uint8Array.of(1));
      await stream.receive();
      await stream.close();
      group.cancelAll();
    }),
  "a task that ends in the same moment": () =>
    taskGroup((group) => {
      group.spawn(() => {});
    }),
  "timers that fire": async () => {
    for (let timer = 0; timer < 10; timer++) setTimeout(() => {}, timer);
    await sleep(20);
    clearInterval(setInterval(() => {}, 5));
    setTimeout(() => {}, 50).unref();
    AbortSignal.timeout(1_000);
  },
};

for (const [name, program] of Object.entries(clean)) {
  test(`a clean program is not flagged, whatever the order: ${name}`, async () => {
    for (const seed of [undefined, 1, 2, 3]) {
      const options = { hostTimers: true, ...(seed !== undefined && { seed }) };
      await virtualRun(() => withLeakGuard(program), options);
      await withLeakGuard(() => virtualRun(program, options), { patienceMs: 0 });
    }
  });
}
