/** What a generator that runs as a coroutine may yield, what comes back, and what its `yield*` keeps of a native one's. */
import assert from "node:assert/strict";
import test from "node:test";
import { coroutine, Future, sleep, taskGroup, until } from "coppice";
import fc from "fast-check";
import { drive } from "../../src/kernel/drive.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const ownError = new Error("own");

test("a generator's value is what it returns; its error is thrown, unchanged", () =>
  virtually(async () => {
    assert.equal(
      // biome-ignore lint/correctness/useYield: one that waits for nothing.
      await coroutine(function* () {
        return "value";
      })(),
      "value",
    );
    assert.equal(
      await rejection(
        // biome-ignore lint/correctness/useYield: one that waits for nothing.
        coroutine(function* () {
          throw ownError;
        })(),
      ),
      ownError,
    );
  }));

test("what each kind of yield gives", () =>
  virtually(() =>
    taskGroup((group) =>
      coroutine(function* () {
        const future = new Future<string>();
        future.setResult("future");
        const plain = function* (): Generator<unknown, string> {
          yield;
          return "generator";
        };
        const seen: unknown[] = [
          yield,
          yield Promise.resolve("promise"),
          // biome-ignore lint/suspicious/noThenProperty: a thenable.
          yield { then: (resolve: (value: string) => void) => resolve("thenable") },
          // biome-ignore lint/suspicious/noThenProperty: a thenable.
          yield Object.assign(() => {}, { then: (resolve: (value: string) => void) => resolve("function") }),
          yield future,
          yield group.spawn(() => "task"),
          yield coroutine(plain)(),
          yield plain(),
          yield* future,
          yield* group.spawn(() => "task"),
          yield* coroutine(plain)(),
          yield* plain(),
          yield* until(Promise.resolve("until")),
        ];
        assert.deepEqual(seen, [
          undefined,
          "promise",
          "thenable",
          "function",
          "future",
          "task",
          "generator",
          "generator",
          "future",
          "task",
          "generator",
          "generator",
          "until",
        ]);
      })(),
    ),
  ));

const things: Record<string, (error: unknown) => unknown> = {
  "a promise": (error) => Promise.reject(error),
  // biome-ignore lint/suspicious/noThenProperty: a thenable.
  "a thenable": (error) => ({ then: (_: unknown, reject: (error: unknown) => void) => reject(error) }),
  "a thenable that throws": (error) => ({
    // biome-ignore lint/suspicious/noThenProperty: a thenable.
    then: () => {
      throw error;
    },
  }),
  "a then that is a getter and throws": (error) => ({
    // biome-ignore lint/suspicious/noThenProperty: a thenable.
    get then(): never {
      throw error;
    },
  }),
  "a future": (error) => {
    const future = new Future();
    future.setError(error);
    return future;
  },
  "a coroutine": (error) =>
    // biome-ignore lint/correctness/useYield: it fails before.
    coroutine(function* () {
      throw error;
    })(),
  "a generator": (error) =>
    // biome-ignore lint/correctness/useYield: it fails before.
    (function* () {
      throw error;
    })(),
};

for (const [name, make] of Object.entries(things)) {
  test(`${name} that fails: the error is thrown in at the yield, where it may be handled`, () =>
    virtually(async () => {
      const log: unknown[] = [];
      await coroutine(function* () {
        try {
          yield make(ownError);
        } catch (error) {
          log.push(error);
        } finally {
          log.push("finally");
        }
        yield;
        log.push("went on");
      })();
      assert.deepEqual(log, [ownError, "finally", "went on"]);
    }));
}

const nothings: Record<string, unknown> = {
  null: null,
  "5": 5,
  '"text"': "text",
  false: false,
  "Symbol(here)": Symbol("here"),
  "the function named": function named() {},
  "[object Object]": {},
  "an object without a prototype": Object.create(null),
  "an async generator": (async function* () {})(),
};

for (const [name, value] of Object.entries(nothings)) {
  test(`a yield of ${name} is a TypeError at the yield, which says what may be yielded`, () =>
    virtually(async () => {
      const error = await coroutine(function* () {
        try {
          yield value;
        } catch (thrown) {
          return thrown;
        }
        return undefined;
      })();
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /nothing to wait for: yield a promise/);
    }));
}

test("the message names what was yielded", () =>
  virtually(async () => {
    for (const [name, value] of Object.entries(nothings).slice(0, 6)) {
      const error = await rejection(
        coroutine(function* () {
          yield value;
        })(),
      );
      assert.ok(String(error).includes(name), String(error));
    }
  }));

test("a generator that has ended already gives undefined", () =>
  virtually(async () => {
    const ended = (function* () {})();
    ended.next();
    assert.equal(
      await drive(
        (function* () {
          return yield ended;
        })(),
      ),
      undefined,
    );
  }));

/** Programs to compare: run by a native `yield*` all the way down and driven by hand, or level by level on the trampoline. */
type Program =
  | { readonly kind: "wait" | "fail" | "throw" | "return"; readonly value: number }
  | { readonly kind: "inside"; readonly body: readonly Program[] }
  | {
      readonly kind: "try";
      readonly body: readonly Program[];
      readonly handler: readonly Program[] | null;
      readonly cleanup: readonly Program[];
    };

const { programs } = fc.letrec<{ programs: readonly Program[]; program: Program }>((tie) => ({
  programs: fc.array(tie("program"), { maxLength: 4 }),
  program: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record({ kind: fc.constantFrom("wait", "wait", "fail", "throw", "return"), value: fc.nat(99) }),
    fc.record({ kind: fc.constant("inside"), body: tie("programs") }),
    fc.record({
      kind: fc.constant("try"),
      body: tie("programs"),
      handler: fc.option(tie("programs")),
      cleanup: tie("programs"),
    }),
  ) as fc.Arbitrary<Program>,
}));

type Enter = (body: readonly Program[], log: string[]) => Generator<unknown, unknown>;

/** Gives the value of a `return`, or undefined. */
function* execute(body: readonly Program[], log: string[], enter: Enter): Generator<unknown, unknown> {
  for (const program of body) {
    log.push(program.kind);
    switch (program.kind) {
      case "wait":
        log.push(`got ${yield Promise.resolve(program.value)}`);
        break;
      case "fail":
        yield Promise.reject(program.value);
        break;
      case "throw":
        throw program.value;
      case "return":
        return program.value;
      case "inside":
        log.push(`inside gave ${yield* enter(program.body, log)}`);
        break;
      case "try":
        try {
          const value = yield* execute(program.body, log, enter);
          if (value !== undefined) return value;
        } catch (error) {
          log.push(`caught ${error}`);
          if (program.handler === null) throw error;
          const value = yield* execute(program.handler, log, enter);
          if (value !== undefined) return value;
        } finally {
          const value = yield* execute(program.cleanup, log, enter);
          // biome-ignore lint/correctness/noUnsafeFinally: what a finally that returns does is part of the comparison.
          if (value !== undefined) return value;
        }
    }
  }
  return undefined;
}

async function driveByHand(generator: Generator<unknown, unknown>): Promise<unknown> {
  for (let step = generator.next(); ; ) {
    if (step.done === true) return step.value;
    let value: unknown;
    try {
      value = await step.value;
    } catch (error) {
      step = generator.throw(error);
      continue;
    }
    step = generator.next(value);
  }
}

async function outcome(log: string[], value: Promise<unknown>): Promise<string[]> {
  return [
    ...log,
    await value.then(
      (result) => `returned ${result}`,
      (error) => `threw ${error}`,
    ),
  ];
}

test("property: delegation on the trampoline does what native delegation, driven by hand, does", async () => {
  const native: Enter = (body, log) => execute(body, log, native);
  const level = coroutine((body: readonly Program[], log: string[]) => execute(body, log, delegating));
  const delegating: Enter = (body, log) => level(body, log) as unknown as Generator;
  const yielding: Enter = function* (body, log) {
    return yield execute(body, log, yielding);
  };
  await fc.assert(
    fc.asyncProperty(programs, async (source) => {
      const logs: string[][] = [];
      for (const [enter, run] of [
        [native, driveByHand],
        [native, drive],
        [delegating, drive],
        [yielding, drive],
      ] as const) {
        const log: string[] = [];
        const result = virtually(() => run(execute(source, log, enter)));
        await result.catch(() => {});
        logs.push(await outcome(log, result));
      }
      const [expected, ...others] = logs;
      for (const other of others) assert.deepEqual(other, expected);
    }),
    { numRuns: 300 },
  );
});

test("a generator runs in the caller's turn up to its first wait", () =>
  virtually(async () => {
    const log: string[] = [];
    const running = drive(
      (function* () {
        log.push("entered");
        yield until(sleep(1));
        log.push("woken");
      })(),
    );
    log.push("called");
    await running;
    assert.deepEqual(log, ["entered", "called", "woken"]);
  }));
