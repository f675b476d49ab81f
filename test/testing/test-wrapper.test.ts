/** Tests as wrappers, called here as a test runner calls them. */
import assert, { AssertionError } from "node:assert/strict";
import test, { type TestContext } from "node:test";
import {
  cancelScope,
  currentLoop,
  DeadlockError,
  Event,
  InvalidStateError,
  run,
  shield,
  sleep,
  sleepForever,
  TimeoutError,
  taskGroup,
} from "coppice";
import { LeakError, real, virtual } from "coppice/testing";
import { rejection } from "../support/rejection.ts";

const SEED_VARIABLE = "COPPICE_SEED";
const DAY_MS = 24 * 60 * 60 * 1_000;

test(
  "a wrapped function is a test of node:test, in virtual time, and is given its context",
  virtual(async (t: TestContext) => {
    assert.equal(t.name, "a wrapped function is a test of node:test, in virtual time, and is given its context");
    await sleep(DAY_MS);
    assert.equal(currentLoop().time(), DAY_MS);
  }),
);

test(
  "and in real time",
  real(async (t) => {
    assert.equal(t.name, "and in real time");
    await sleep(1);
    assert.equal(currentLoop().name, "node");
  }),
);

test(
  "it may be a generator function",
  virtual(function* () {
    yield sleep(10);
    assert.equal(currentLoop().time(), 10);
  }),
);

test(
  "host timers follow virtual time where asked",
  virtual(
    async () => {
      await new Promise((resolve) => setTimeout(resolve, DAY_MS));
      assert.equal(currentLoop().time(), DAY_MS);
    },
    { hostTimers: true },
  ),
);

/** What the runner is told of a test. */
function failureOf(wrapper: (context: undefined) => Promise<void>): Promise<unknown> {
  return rejection(wrapper(undefined));
}

/** The error of a test that fails. */
async function errorOf(wrapper: (context: undefined) => Promise<void>): Promise<Error> {
  const error = await failureOf(wrapper);
  assert.ok(error instanceof Error);
  return error;
}

test("a failure is the error of the function, unchanged without a seed", async () => {
  const error = new Error("own");
  const fail = (): never => {
    throw error;
  };
  assert.equal(await failureOf(virtual(fail)), error);
  assert.equal(await failureOf(real(fail)), error);
  assert.equal(await failureOf(virtual(() => Promise.reject("a text"), { seed: 1 })), "a text");
  assert.equal(error.message, "own");
});

test("with a seed, the error says how to run the test again", async () => {
  const error = await errorOf(virtual(() => assert.equal(1, 2, "one is two"), { seed: 42 }));
  assert.ok(error instanceof AssertionError);
  for (const text of [error.message, error.stack ?? ""]) {
    assert.match(text, /one is two[\s\S]*\n\[seed 42: COPPICE_SEED=42 runs it again in the same order\]/);
  }
  const frozen = Object.freeze(new Error("own"));
  assert.equal(await failureOf(virtual(() => Promise.reject(frozen), { seed: 1 })), frozen);
});

/** A test that fails in some orders: that of two tasks woken together. */
async function racyTest(): Promise<void> {
  const log: string[] = [];
  await taskGroup((group) => {
    for (const name of "ab") group.spawn(() => sleep(10).then(() => log.push(name)));
  });
  assert.equal(log.join(""), "ab");
}

test("several runs, each with a seed of its own, find an order that fails, and the seed fails again", async () => {
  await virtual(racyTest)(undefined);
  const error = await errorOf(virtual(racyTest, { runs: 50 }));
  const seed = Number(/\[seed (\d+):/.exec(error.message)?.[1]);
  assert.match((await errorOf(virtual(racyTest, { seed }))).message, new RegExp(`seed ${seed}`));
  let runs = 0;
  await virtual(() => void runs++, { runs: 10, seed: 5 })(undefined);
  assert.equal(runs, 10);
});

async function withSeedVariable<T>(value: string, fn: () => Promise<T>): Promise<T> {
  const before = process.env[SEED_VARIABLE];
  process.env[SEED_VARIABLE] = value;
  try {
    return await fn();
  } finally {
    if (before === undefined) delete process.env[SEED_VARIABLE];
    else process.env[SEED_VARIABLE] = before;
  }
}

test("COPPICE_SEED stands above what the test says: a number is one run, in that order", async () => {
  const draws: number[] = [];
  const draw = (): void => void draws.push(currentLoop().random());
  await virtual(draw, { seed: 7 })(undefined);
  await withSeedVariable("7", async () => {
    await virtual(draw)(undefined);
    await virtual(draw, { seed: 1, runs: 10 })(undefined);
    assert.match((await errorOf(virtual(() => assert.fail()))).message, /COPPICE_SEED=7/);
  });
  assert.equal(draws.length, 3);
  assert.equal(new Set(draws).size, 1);
});

test("a random seed is another one each time, and is told", async () => {
  const fail = (): never => assert.fail();
  const seeds = new Set<string | undefined>();
  for (let time = 0; time < 3; time++) {
    seeds.add(/COPPICE_SEED=(\d+)/.exec((await errorOf(virtual(fail, { seed: "random" }))).message)?.[1]);
  }
  await withSeedVariable("random", async () => {
    seeds.add(/COPPICE_SEED=(\d+)/.exec((await errorOf(virtual(fail))).message)?.[1]);
  });
  assert.equal(seeds.size, 4);
  assert.ok(!seeds.has(undefined));
});

test("a COPPICE_SEED that is no number is refused", async () => {
  for (const text of ["seven", "", "1e999"]) {
    const error = await withSeedVariable(text, () => failureOf(virtual(() => {})));
    assert.ok(error instanceof RangeError);
    assert.match(error.message, /COPPICE_SEED: expected a number/);
  }
});

test("a deadlock fails the test and names who waits where", async () => {
  async function waitsForNobody(): Promise<void> {
    await new Event().wait();
  }
  const error = await errorOf(
    virtual(() =>
      taskGroup((group) => {
        group.spawn(waitsForNobody, { name: "consumer" });
      }),
    ),
  );
  assert.ok(error instanceof DeadlockError);
  assert.match(
    error.message,
    /task "consumer" waits\n\s+at async .*waitsForNobody.* \(.*test-wrapper\.test\.ts:\d+:\d+\)$/,
  );
});

test("a test that takes too long is stopped, and fails with the tasks that were blocked, and where", async () => {
  async function waitsLong(): Promise<void> {
    await sleep(60_000);
  }
  const log: string[] = [];
  const error = await errorOf(
    real(
      () =>
        taskGroup((group) => {
          group.spawn(() => waitsLong().finally(() => log.push("cleanup")), { name: "sleeper" });
          group.spawn(() => new Promise(() => {}), { name: "foreign" });
        }),
      { timeoutMs: 20 },
    ),
  );
  assert.ok(error instanceof TimeoutError);
  assert.match(
    error.message,
    /^the test took longer than 20 ms; when it was stopped\n {2}task "sleeper" waits\n\s+at async waitsLong \(.*test-wrapper\.test\.ts.*\n/,
  );
  assert.match(error.message, /task "foreign" is in an await of its own/);
  assert.deepEqual(log, ["cleanup"]);
});

test("a virtual test that never ends is stopped by the real clock", async () => {
  const error = await errorOf(
    virtual(
      async () => {
        for (;;) await sleep(1_000);
      },
      { timeoutMs: 20 },
    ),
  );
  assert.ok(error instanceof TimeoutError);
  assert.match(error.message, /took longer than 20 ms/);
});

test("a test that swallows being stopped has failed all the same", async () => {
  const swallowing = real(() => sleepForever().catch(() => {}), { timeoutMs: 20 });
  assert.ok((await failureOf(swallowing)) instanceof TimeoutError);
});

test("cleanup has its time, and is cut short too when it takes too long", async () => {
  const log: string[] = [];
  const slow = (ms: number): Promise<void> =>
    sleepForever().finally(() => shield(() => sleep(ms).then(() => log.push(`cleaned up in ${ms}`))));
  for (const ms of [1, 60_000]) {
    assert.ok((await failureOf(real(() => slow(ms), { timeoutMs: 20 }))) instanceof TimeoutError);
  }
  assert.deepEqual(log, ["cleaned up in 1"]);
});

test("what is left behind fails the test", async () => {
  const error = await errorOf(
    virtual(() => {
      void cancelScope(sleepForever, { name: "heartbeat" });
    }),
  );
  assert.ok(error instanceof LeakError);
  assert.equal(error.message, "the test left 1 thing behind:\n  scope: heartbeat, opened and not awaited");
  let timer: NodeJS.Timeout | undefined;
  const leaking = real(
    () => {
      timer = setTimeout(() => {}, 60_000);
    },
    { leaks: { patienceMs: 10, name: "this one" } },
  );
  assert.match((await errorOf(leaking)).message, /^this one left 1 thing behind:\n {2}timer: setTimeout/);
  clearTimeout(timer);
});

test("the leak guard may be told what is none, or left out", async () => {
  const leaky = (): void => void currentLoop().callAt(10, () => {});
  await virtual(leaky, { leaks: { allow: ({ kind }) => kind === "timer" } })(undefined);
  await virtual(leaky, { leaks: false })(undefined);
});

test("options that make no sense are refused when the test is written", () => {
  for (const runs of [0, 1.5, Number.NaN]) assert.throws(() => virtual(() => {}, { runs }), RangeError);
  for (const wrapper of [virtual, real]) assert.throws(() => wrapper(() => {}, { timeoutMs: -1 }), RangeError);
});

test("a wrapped test is no part of a run", async () => {
  for (const wrapper of [virtual, real]) {
    const error = await rejection(run(() => wrapper(() => {})(undefined)));
    assert.ok(error instanceof InvalidStateError);
  }
});

test("a wrapper shows the source of its function, from which Vitest reads the fixtures", () => {
  const fn = async ({ page }: { page: string }): Promise<void> => assert.ok(page);
  assert.equal(virtual(fn).toString(), fn.toString());
  assert.equal(virtual(fn).length, 1);
});

test("a wrapped test leaves the loop of others alone", async () => {
  await Promise.all([
    virtual(() => sleep(10))(undefined),
    run(() => sleep(1)),
    virtual(() => sleep(DAY_MS), { seed: 1 })(undefined),
  ]);
});
