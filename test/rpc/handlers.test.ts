/** Whatever a method does, its caller gets one answer and the others do not notice. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  cancelScope,
  currentLoop,
  currentScope,
  currentTask,
  sleep,
  sleepForever,
  taskGroup,
  withTimeout,
} from "coppice";
import { lengthPrefixed } from "coppice/net";
import { currentPeer, RpcError } from "coppice/rpc";
import { networked } from "../support/network.ts";
import { failed, internalError, methodNotFound, ok, request, serving, talking, withoutData } from "../support/talk.ts";

const cyclic: unknown[] = [];
cyclic.push(cyclic);

const returned: readonly (readonly [name: string, value: () => unknown, result: unknown])[] = [
  ["undefined", () => undefined, null],
  ["null", () => null, null],
  ["false", () => false, false],
  ["zero", () => 0, 0],
  ["an empty string", () => "", ""],
  ["NaN", () => NaN, null],
  ["a function", () => () => {}, null],
  ["a symbol", () => Symbol("x"), null],
  ["a promise", async () => "later", "later"],
  ["a thenable", () => thenable((done) => done("then")), "then"],
  ["a date", () => new Date(0), "1970-01-01T00:00:00.000Z"],
  ["a value with toJSON", () => ({ toJSON: () => "json" }), "json"],
  ["a value whose toJSON gives undefined", () => ({ toJSON: () => undefined }), null],
  ["members that are undefined", () => ({ a: undefined, b: 1 }), { b: 1 }],
  ["text of every kind", () => '\u0000\u2028"\\é😀\ud800', '\u0000\u2028"\\é😀\ud800'],
];

for (const [name, value, result] of returned) {
  test(`a method that returns ${name} is answered with ${JSON.stringify(result)}`, () =>
    networked(() =>
      talking({ value }, async (talk) => {
        assert.deepEqual(await talk.askOne(request("value")), ok(result));
        assert.deepEqual(await talk.askOne(`[${request("value")}]`), [ok(result)]);
      }),
    ));
}

const failing: readonly (readonly [name: string, method: () => unknown])[] = [
  ["returns a bigint", () => 1n],
  ["returns a value with a cycle", () => cyclic],
  [
    "returns a value whose toJSON throws",
    () => ({
      toJSON: () => {
        throw new Error("no");
      },
    }),
  ],
  [
    "throws an Error",
    () => {
      throw new Error("bug");
    },
  ],
  ["rejects with an Error", () => Promise.reject(new TypeError("bug"))],
  [
    "throws a string",
    () => {
      throw "text";
    },
  ],
  [
    "throws undefined",
    () => {
      throw undefined;
    },
  ],
  ["rejects with null", () => Promise.reject(null)],
  [
    "throws an object without a prototype",
    () => {
      throw Object.create(null);
    },
  ],
  [
    "throws a symbol",
    () => {
      throw Symbol("x");
    },
  ],
  [
    "throws a value with a cycle",
    () => {
      throw cyclic;
    },
  ],
  [
    "throws what only looks like an RpcError",
    () => {
      throw { name: "RpcError", code: 1, message: "secret" };
    },
  ],
  [
    "throws an RpcError whose data cannot be written",
    () => {
      throw new RpcError(1, "x", 1n);
    },
  ],
  [
    "makes an RpcError with a code that is no whole number",
    () => {
      throw new RpcError(1.5, "x");
    },
  ],
  ["returns a thenable whose then throws", () => thenable(thrown)],
  ["overflows the stack", () => overflow()],
  ["awaits a task that failed", () => taskGroup(async (group) => await group.spawn(() => thrown()))],
  ["runs out of its own time", () => withTimeout(5, () => sleepForever())],
];

function thrown(): never {
  throw new Error("thrown");
}

function thenable(then: (done: (value: string) => void) => void): object {
  return { then };
}

function overflow(): unknown {
  return [overflow()];
}

for (const [name, method] of failing) {
  test(`a method that ${name} is answered with an internal error that tells nothing, and reported once`, () =>
    networked(() =>
      talking({ method, fine: () => "fine" }, async (talk, service) => {
        await talk.send(request("method"), request("fine", [], 2));
        await sleep(10);
        const answers = (await talk.heard()).map((text) => JSON.parse(text));
        assert.deepEqual(
          answers.sort((a, b) => a.id - b.id),
          [internalError(), ok("fine", 2)],
        );
        assert.deepEqual(
          service.reported.splice(0).map(({ method }) => method),
          ["method"],
        );
        await talk.send(`[${request("fine")},${request("method", [], 2)}]`);
        await sleep(10);
        assert.deepEqual(
          (await talk.heard()).map((text) => JSON.parse(text)),
          [[ok("fine"), internalError(2)]],
        );
        service.reported.splice(0);
      }),
    ));
}

test("an RpcError is the answer, with its code, message and data, and is not reported", () =>
  networked(() => {
    class Refused extends RpcError {}
    const methods = {
      refuse: () => {
        throw new Refused(-1, "no", { detail: [1] });
      },
      later: async () => {
        await sleep(5);
        throw new RpcError(0, "");
      },
    };
    return talking(methods, async (talk) => {
      assert.deepEqual(await talk.askOne(request("refuse")), {
        jsonrpc: "2.0",
        error: { code: -1, message: "no", data: { detail: [1] } },
        id: 1,
      });
      await talk.send(request("later"));
      await sleep(5);
      assert.deepEqual(
        (await talk.heard()).map((text) => JSON.parse(text)),
        [failed(0, "")],
      );
    });
  }));

test("a method that never returns keeps nobody else from an answer", () =>
  networked(() =>
    talking({ never: sleepForever, foo: () => "ok" }, async (talk) => {
      await talk.send(request("never"), request("foo", [], 2));
      assert.deepEqual(
        (await talk.heard()).map((text) => JSON.parse(text)),
        [ok("ok", 2)],
      );
    }),
  ));

test("methods of one connection run at the same time, and answers come in the order of their ends", () =>
  networked(() => {
    const wait = async (ms: number): Promise<number> => {
      await sleep(ms);
      return ms;
    };
    return talking({ wait }, async (talk) => {
      await talk.send(request("wait", [30], "a"), request("wait", [10], "b"), request("wait", [20], "c"));
      await sleep(30);
      const answers = (await talk.heard()).map((text) => JSON.parse(text));
      assert.deepEqual(answers, [ok(10, "b"), ok(20, "c"), ok(30, "a")]);
      assert.equal(currentLoop().time(), 30);
    });
  }));

test("each request is a task of its own, named after its method", () =>
  networked(() =>
    talking({ whoAmI: () => currentTask()?.name }, async (talk) => {
      assert.deepEqual(await talk.askOne(request("whoAmI")), ok("whoAmI"));
    }),
  ));

test("a request that cancels itself is answered, as its connection lives on", () =>
  networked(() => {
    const methods = {
      cancelled: async () => {
        currentTask()?.cancel("changed my mind");
        await sleep(1);
      },
      deadline: async () => {
        currentScope().deadline = currentLoop().time() + 5;
        await sleepForever();
      },
      aborted: () => abortable((signal) => Promise.reject(signal.reason ?? new DOMException("x", "AbortError"))),
      foreign: async () => {
        const task = await taskGroup(async (group) => {
          const child = group.spawn(sleepForever);
          child.cancel();
          return { child };
        });
        await task.child;
      },
    };
    return talking(methods, async (talk, service) => {
      for (const name of Object.keys(methods)) {
        await talk.send(request(name));
        await sleep(10);
        assert.deepEqual(
          (await talk.heard()).map((text) => JSON.parse(text)),
          [internalError()],
          name,
        );
        await talk.send(`[${request(name)},${request("nope", [], 2)}]`);
        await sleep(10);
        assert.deepEqual(
          (await talk.heard()).map((text) => withoutData(JSON.parse(text))),
          [[internalError(), methodNotFound(2)]],
          name,
        );
        assert.equal(service.reported.splice(0).length, 2);
      }
    });
  }));

test("a scope inside of a method that is cancelled is the method's own affair", () =>
  networked(() => {
    const methods = {
      scoped: async () => {
        await cancelScope(async (scope) => {
          scope.cancel();
          await sleepForever();
        });
        return "went on";
      },
    };
    return talking(methods, async (talk) => {
      assert.deepEqual(await talk.askOne(request("scoped")), ok("went on"));
    });
  }));

test("onError is told the error itself and the method's name", () =>
  networked(() => {
    const bug = new Error("bug");
    const method = (): never => {
      throw bug;
    };
    return talking({ method }, async (talk, service) => {
      await talk.ask(request("method"));
      const [report] = service.reported.splice(0);
      assert.equal(report?.error, bug);
      assert.equal(report?.method, "method");
    });
  }));

/** The warnings of the library while `body` runs. */
async function warningsDuring(body: () => Promise<void>): Promise<string[]> {
  const warnings: string[] = [];
  const listener = (warning: Error & { code?: string }): void => {
    warnings.push(`${warning.code}: ${warning.message}`);
  };
  process.on("warning", listener);
  try {
    await body();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.removeListener("warning", listener);
  }
  return warnings;
}

for (const [name, failure] of [
  ["an Error", new Error("onError itself")],
  ["a string", "text"],
  ["an object without a prototype", Object.create(null)],
  ["a symbol", Symbol("x")],
] as const) {
  test(`an onError that throws ${name} hurts nobody, and is told to the operator`, async () => {
    const warnings = await warningsDuring(() =>
      networked(() =>
        talking(
          { broken: thrown, foo: () => "ok" },
          async (talk) => {
            assert.deepEqual(await talk.ask(request("broken")), [internalError()]);
            assert.deepEqual(await talk.ask(request("foo")), [ok("ok")]);
          },
          {
            onError: () => {
              throw failure;
            },
          },
        ),
      ),
    );
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^COPPICE_ON_ERROR_FAILED: onError/);
  });
}

test("an onError that is async and rejects is told to the operator, and no stray rejection", async () => {
  const warnings = await warningsDuring(() =>
    networked(() =>
      talking(
        { broken: thrown },
        async (talk) => {
          assert.deepEqual(await talk.ask(request("broken")), [internalError()]);
        },
        { onError: () => Promise.reject(new Error("the log is down")) },
      ),
    ),
  );
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^COPPICE_ON_ERROR_FAILED: .*the log is down/);
});

test("without onError a failure becomes one warning for each method in ten seconds, over all connections", async () => {
  const warnings = await warningsDuring(() =>
    networked(() =>
      serving(
        { broken: thrown, other: () => Promise.reject("no error") },
        async (service) => {
          for (let round = 0; round < 5; round++) {
            await service.open(async (talk) => {
              assert.deepEqual(await talk.ask(request("broken")), [internalError()]);
              assert.deepEqual(await talk.ask(request("other")), [internalError()]);
            });
          }
          await sleep(10_000);
          await service.open((talk) => talk.ask(request("broken")));
        },
        { onError: undefined as never },
      ),
    ),
  );
  assert.equal(warnings.length, 3, warnings.join("\n"));
  assert.match(warnings[0] ?? "", /^COPPICE_METHOD_FAILED: method "broken" failed.*Error: thrown\n +at .*thrown/s);
  assert.match(warnings[1] ?? "", /method "other" failed.*"no error", which is no Error/);
  assert.match(warnings[2] ?? "", /method "broken" failed.*4 more failures/s);
});

test("an answer above the frame limit is an internal error, reported with the limit's name", () =>
  networked(() =>
    talking(
      {
        size: (count: number) => "x".repeat(count),
        fail: (count: number) => Promise.reject(new RpcError(1, "x".repeat(count))),
      },
      async (talk, service) => {
        assert.deepEqual(await talk.ask(request("size", [100])), [ok("x".repeat(100))]);
        for (const method of ["size", "fail"]) {
          assert.deepEqual(await talk.ask(request(method, [1_000])), [internalError()]);
          assert.match(String(service.reported.splice(0)[0]?.error), /maxFrameBytes \(300\)/);
        }
        // Each of these fits, the batch does not.
        const [answer] = await talk.ask(`[${request("size", [150])},${request("size", [150], 2)}]`);
        assert.deepEqual(answer, internalError(null));
        assert.deepEqual(await talk.ask(request("size", [1])), [ok("x")]);
      },
      { framing: lengthPrefixed({ maxFrameBytes: 300 }) },
    ),
  ));

test("there is a current peer inside of methods and their tasks, and none outside", () =>
  networked(() => {
    const methods = {
      direct: () => currentPeer() !== undefined,
      nested: async () => {
        const here = currentPeer();
        return await taskGroup(async (group) => {
          const there = await group.spawn(async () => {
            await sleep(1);
            return currentPeer();
          });
          return there === here && here !== undefined;
        });
      },
    };
    return talking(methods, async (talk) => {
      assert.equal(currentPeer(), undefined);
      assert.deepEqual(await talk.askOne(request("direct")), ok(true));
      await talk.send(request("nested"));
      await sleep(1);
      assert.deepEqual(JSON.parse((await talk.heard())[0] ?? ""), ok(true));
    });
  }));

test("a cleanup that fails after the connection is over is reported", () =>
  networked(() => {
    const methods = {
      stubborn: async () => {
        try {
          await sleepForever();
        } finally {
          thrown();
        }
      },
    };
    return serving(methods, async (service) => {
      await service.open(async (talk) => {
        await talk.ask(request("stubborn"));
      });
      await sleep(1);
      const [report] = service.reported.splice(0);
      assert.ok(report?.error instanceof Error);
      assert.equal(report.error.message, "thrown");
    });
  }));
