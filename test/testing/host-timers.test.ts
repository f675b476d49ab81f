/** With `hostTimers`, the timers and clocks of the host follow virtual time inside of the run, and nowhere else. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import test from "node:test";
import * as timers from "node:timers";
import { setTimeout as delay, setImmediate as nextTurn, scheduler, setInterval as ticking } from "node:timers/promises";
import { promisify } from "node:util";
import { currentLoop, DeadlockError, run, sleep, taskGroup, until } from "coppice";
import { virtualRun, waitAllTasksBlocked } from "coppice/testing";
import { rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Runs `fn` with the host's timers on the virtual clock. */
function within<T>(fn: () => Promise<T>, seed?: number): Promise<T> {
  return virtualRun(fn, { hostTimers: true, ...(seed !== undefined && { seed }) });
}

/** How far the virtual clock goes on during `wait`. */
async function lasts(wait: () => PromiseLike<unknown>): Promise<number> {
  const start = currentLoop().time();
  await wait();
  return currentLoop().time() - start;
}

const waits: Record<string, (ms: number) => PromiseLike<unknown>> = {
  setTimeout: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  "setTimeout of node:timers": (ms) => new Promise((resolve) => timers.setTimeout(resolve, ms)),
  "setTimeout, promisified": (ms) => promisify(setTimeout)(ms),
  "setTimeout of node:timers/promises": (ms) => delay(ms),
  "scheduler.wait": (ms) => scheduler.wait(ms),
  "AbortSignal.timeout": (ms) =>
    new Promise((resolve) => AbortSignal.timeout(ms).addEventListener("abort", resolve, { once: true })),
  setInterval: (ms) =>
    new Promise<void>((resolve) => {
      let ticks = 0;
      const interval = setInterval(() => {
        if (++ticks < 4) return;
        clearInterval(interval);
        resolve();
      }, ms / 4);
    }),
  "setInterval of node:timers/promises": async (ms) => {
    let ticks = 0;
    for await (const _tick of ticking(ms / 4)) if (++ticks === 4) return;
  },
};

for (const [name, wait] of Object.entries(waits)) {
  test(`${name} takes virtual time alone`, () =>
    within(async () => {
      assert.equal(await lasts(() => wait(DAY_MS)), DAY_MS);
    }));
}

test("turns of the loop take no time, and come before the clock jumps", () =>
  within(async () => {
    const log: string[] = [];
    const late = new Promise<void>((resolve) =>
      setTimeout(() => {
        log.push("timeout");
        resolve();
      }, 1),
    );
    await new Promise<void>((resolve) => setImmediate((name: string) => resolve(void log.push(name)), "immediate"));
    assert.equal(await nextTurn("value"), "value");
    await scheduler.yield();
    log.push("turns");
    clearImmediate(setImmediate(assert.fail));
    await late;
    assert.deepEqual(log, ["immediate", "turns", "timeout"]);
    assert.equal(currentLoop().time(), 1);
  }));

test("timers and sleeps share one clock", () =>
  within(() =>
    taskGroup(async (group) => {
      const log: string[] = [];
      group.spawn(() => sleep(20).then(() => log.push("sleep")));
      setTimeout((...words: string[]) => log.push(...words), 10, "timeout", "with arguments");
      setTimeout(() => log.push("later"), 30);
      await until(delay(40));
      assert.deepEqual(log, ["timeout", "with arguments", "sleep", "later"]);
    }),
  ));

test("Date and performance.now follow the clock, and every run begins at the same date", () =>
  within(async () => {
    const start = Date.now();
    assert.equal(new Date(start).toISOString(), "2000-01-01T00:00:00.000Z");
    assert.equal(performance.now(), 0);
    await sleep(DAY_MS + 0.5);
    assert.equal(Date.now(), start + DAY_MS);
    assert.equal(performance.now(), DAY_MS + 0.5);
    assert.equal(new Date().toISOString(), "2000-01-02T00:00:00.000Z");
    assert.equal(new Date(5).getTime(), 5);
    assert.match(Date(), /2000/);
    assert.ok(new Date() instanceof Date);
    class Moment extends Date {}
    assert.equal(new Moment().getTime(), Date.now());
    assert.ok(new Moment() instanceof Moment);
  }));

test("a timeout is cleared by itself, by its number, and by what it is used for", () =>
  within(async () => {
    const timeouts = Array.from({ length: 5 }, () => setTimeout(assert.fail, 10));
    clearTimeout(timeouts[0]);
    clearTimeout(Number(timeouts[1]));
    clearInterval(`${Number(timeouts[2])}`);
    timeouts[3]?.close();
    timeouts[4]?.[Symbol.dispose]();
    clearTimeout(undefined);
    await sleep(20);
    clearTimeout(timeouts[0]);
  }));

test("a timeout offers what Node's does", () =>
  within(async () => {
    const fired: number[] = [];
    const timeout = setTimeout(() => fired.push(currentLoop().time()), 10);
    assert.equal(timeout.hasRef(), true);
    assert.equal(timeout.unref(), timeout);
    assert.equal(timeout.hasRef(), false);
    assert.equal(timeout.ref().hasRef(), true);
    await sleep(5);
    assert.equal(timeout.refresh(), timeout);
    await sleep(10);
    timeout.refresh();
    await sleep(10);
    assert.deepEqual(fired, [15, 25]);
    const immediate = setImmediate(assert.fail);
    assert.deepEqual([immediate.hasRef(), immediate.unref().hasRef(), immediate.ref().hasRef()], [true, false, true]);
    immediate[Symbol.dispose]();
    await sleep(0);
  }));

test("the callback has its timeout as `this`, and the context of whoever set it", () =>
  within(async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen = new Promise((resolve) => {
      storage.run("context", () => {
        const timeout = setTimeout(function (this: unknown) {
          resolve([this === timeout, storage.getStore()]);
        }, 1);
      });
    });
    assert.deepEqual(await seen, [true, "context"]);
  }));

test("durations that Node does not take become 1", () =>
  within(async () => {
    for (const ms of [0, -5, Number.NaN, 2 ** 31, undefined, "soon"]) {
      assert.equal(await lasts(() => new Promise((resolve) => setTimeout(resolve, ms as number))), 1);
    }
    assert.throws(() => setTimeout("no function" as unknown as () => void, 1), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(() => AbortSignal.timeout(-1), { code: "ERR_OUT_OF_RANGE" });
  }));

test("a callback that throws is an uncaught exception, and the clock goes on", async () => {
  const others = process.rawListeners("uncaughtException") as NodeJS.UncaughtExceptionListener[];
  process.removeAllListeners("uncaughtException");
  const caught: unknown[] = [];
  const note = (error: unknown): unknown => caught.push(error);
  process.on("uncaughtException", note);
  const error = new Error("own");
  try {
    await within(async () => {
      setTimeout(() => {
        throw error;
      }, 1);
      await sleep(10);
    });
  } finally {
    process.off("uncaughtException", note);
    for (const other of others) process.on("uncaughtException", other);
  }
  assert.deepEqual(caught, [error]);
});

test("a promised timer is cut short by its signal, and keeps no listener", () =>
  within(async () => {
    const controller = new AbortController();
    const { signal } = controller;
    for (const wait of [() => delay(10, undefined, { signal }), () => nextTurn(undefined, { signal })]) await wait();
    const waiting = [delay(10, undefined, { signal }), scheduler.wait(10, { signal }), nextTurn(undefined, { signal })];
    const iterating = (async () => {
      for await (const _tick of ticking(10, undefined, { signal })) assert.fail();
    })();
    const reason = new Error("own");
    controller.abort(reason);
    for (const failing of [...waiting, iterating, delay(10, undefined, { signal })]) {
      const error = (await rejection(failing)) as NodeJS.ErrnoException;
      assert.deepEqual([error.name, error.code, error.cause], ["AbortError", "ABORT_ERR", reason]);
    }
    assert.equal(currentLoop().time(), 10);
  }));

test("AbortSignal.timeout aborts as the host's does", () =>
  within(async () => {
    const signal = AbortSignal.timeout(10);
    await sleep(9);
    assert.equal(signal.aborted, false);
    await sleep(2);
    assert.equal((signal.reason as DOMException).name, "TimeoutError");
  }));

test("a pending timer is no deadlock; without any, a deadlock is told", async () => {
  await within(() => until(delay(10)));
  assert.ok((await rejection(within(() => new Promise<never>(() => {})))) instanceof DeadlockError);
});

test("timers due at the same time fire in order; with a seed, in an order drawn from it", async () => {
  const order = (seed?: number): Promise<string> =>
    within(async () => {
      const log: number[] = [];
      for (let timer = 0; timer < 10; timer++) setTimeout(() => log.push(timer), 10);
      await sleep(20);
      return log.join("");
    }, seed);
  assert.equal(await order(), "0123456789");
  assert.equal(await order(1), await order(1));
  assert.notEqual(await order(1), await order(2));
});

test("code outside of the run sees real time meanwhile, a run on the real loop too", async () => {
  const realStart = performance.now();
  const date = Date.now();
  await Promise.all([
    within(async () => {
      for (let day = 0; day < 100; day++) await delay(DAY_MS);
    }),
    (async () => {
      const timeout = setTimeout(() => {}, DAY_MS);
      assert.equal(typeof Number(timeout), "number");
      clearTimeout(timeout);
      assert.ok(Math.abs(Date.now() - date) < DAY_MS);
      await delay(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setImmediate(resolve));
      await nextTurn();
      await scheduler.yield();
      assert.ok(performance.now() - realStart < DAY_MS);
    })(),
    run(async () => {
      await sleep(1);
      await until(delay(1));
      assert.ok(Math.abs(Date.now() - date) < DAY_MS);
    }),
    virtualRun(async () => assert.ok(Math.abs(Date.now() - date) < DAY_MS)),
  ]);
});

test("runs at the same time and nested ones have their timers; after the last, all is as it was", async () => {
  const functions = (): unknown[] => [
    globalThis.setTimeout,
    globalThis.setInterval,
    globalThis.setImmediate,
    globalThis.clearTimeout,
    globalThis.Date,
    Date.now,
    performance.now,
    Object.hasOwn(performance, "now"),
    AbortSignal.timeout,
    timers.setTimeout,
    delay,
    scheduler.wait,
    Object.hasOwn(scheduler, "wait"),
  ];
  const before = functions();
  const days = await Promise.all(
    [1, 2, 3].map((count) =>
      within(async () => {
        for (let day = 0; day < count; day++) await delay(DAY_MS);
        await run(() => until(delay(1)));
        return currentLoop().time();
      }),
    ),
  );
  assert.deepEqual(days, [DAY_MS + 1, 2 * DAY_MS + 1, 3 * DAY_MS + 1]);
  await rejection(within(() => Promise.reject(new Error("own"))));
  assert.deepEqual(functions(), before);
});

test("what somebody else put in the place of a function meanwhile stays there", async () => {
  const real = globalThis.setTimeout;
  const theirs = ((...args: Parameters<typeof real>) => real(...args)) as typeof real;
  try {
    await within(async () => {
      globalThis.setTimeout = theirs;
    });
    assert.equal(globalThis.setTimeout, theirs);
  } finally {
    globalThis.setTimeout = real;
  }
});

test("without the option, host timers are real and the run does not see them", async () => {
  const before = globalThis.setTimeout;
  await virtualRun(async () => assert.equal(globalThis.setTimeout, before));
});

test("an abandoned run that is cancelled raises no unhandled rejection", async () => {
  const unhandled = await unhandledDuring(async () => {
    const controller = new AbortController();
    const endless = async (): Promise<never> => {
      for (;;) await sleep(10);
    };
    void virtualRun(endless, { hostTimers: true, signal: controller.signal });
    await virtualRun(waitAllTasksBlocked);
    controller.abort();
  });
  assert.deepEqual(unhandled, []);
});
