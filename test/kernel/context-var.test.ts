import assert from "node:assert/strict";
import test from "node:test";
import { ContextVar, InvalidStateError, sleep, taskGroup } from "coppice";
import { collectGarbage } from "../support/garbage.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

function assertInvalidState(fn: () => unknown, pattern: RegExp): void {
  assert.throws(fn, (error: unknown) => error instanceof InvalidStateError && pattern.test(error.message));
}

test("without a value and a default, get throws an InvalidStateError that names the variable", () =>
  virtually(() => {
    const variable = new ContextVar<string>("request id");
    assertInvalidState(() => variable.get(), /"request id"/);
    assert.equal(variable.name, "request id");
  }));

test("get gives the value, or else the fallback, or else the default", () =>
  virtually(() => {
    const variable = new ContextVar<string>("variable", { default: "default" });
    assert.equal(variable.get(), "default");
    assert.equal(variable.get("fallback"), "fallback");
    variable.set("value");
    assert.equal(variable.get(), "value");
    assert.equal(variable.get("fallback"), "value");
  }));

test("undefined is a value, a default and a fallback like any other", () =>
  virtually(() => {
    const variable = new ContextVar<string | undefined>("variable");
    assert.equal(variable.get(undefined), undefined);
    assertInvalidState(() => variable.get(), /no value/);
    const token = variable.set(undefined);
    assert.equal(variable.get("fallback"), undefined);
    variable.reset(token);
    assertInvalidState(() => variable.get(), /no value/);
    assert.equal(new ContextVar<undefined>("other", { default: undefined }).get(), undefined);
  }));

test("a token knows its variable and the value before", () =>
  virtually(() => {
    const variable = new ContextVar<number>("variable");
    const first = variable.set(1);
    assert.equal(first.variable, variable);
    assert.equal(first.oldValue, undefined);
    assert.equal(variable.set(2).oldValue, 1);
  }));

test("reset brings back the value before, or that there was none", () =>
  virtually(() => {
    const variable = new ContextVar<number>("variable");
    const first = variable.set(1);
    const second = variable.set(2);
    variable.reset(second);
    assert.equal(variable.get(), 1);
    variable.reset(first);
    assertInvalidState(() => variable.get(), /no value/);
  }));

test("tokens may be used out of order: each brings back what was before its own set", () =>
  virtually(() => {
    const variable = new ContextVar<number>("variable");
    const first = variable.set(1);
    const second = variable.set(2);
    variable.reset(first);
    assertInvalidState(() => variable.get(), /no value/);
    variable.reset(second);
    assert.equal(variable.get(), 1);
  }));

test("a token is used once", () =>
  virtually(() => {
    const variable = new ContextVar<number>("variable");
    const token = variable.set(1);
    variable.reset(token);
    assertInvalidState(() => variable.reset(token), /used before/);
  }));

test("a token is of one variable, even of two with the same name", () =>
  virtually(() => {
    const one = new ContextVar<number>("twin");
    const other = new ContextVar<number>("twin");
    const token = one.set(1);
    assertInvalidState(() => other.reset(token), /not its own/);
    assertInvalidState(() => one.reset({} as typeof token), /not its own/);
    assert.equal(one.get(), 1);
    one.reset(token);
  }));

test("a token is of one task; the failed attempt does not use it up", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const variable = new ContextVar<number>("variable");
      const token = variable.set(1);
      const error = await group.spawn(() => rejection(Promise.try(() => variable.reset(token))), { name: "other" });
      assert.ok(error instanceof InvalidStateError);
      assert.match(error.message, /belongs to task ".*" and not to "other"/);
      assert.equal(variable.get(), 1);
      variable.reset(token);
    }),
  ));

test("using resets at the end of the block, also after an error and after waits", () =>
  virtually(async () => {
    const variable = new ContextVar<string>("variable", { default: "default" });
    await rejection(
      (async () => {
        using _ = variable.set("inside");
        await sleep(1);
        assert.equal(variable.get(), "inside");
        throw new Error("own");
      })(),
    );
    assert.equal(variable.get(), "default");
  }));

test("disposing of a token that was used does nothing; disposing of it in another task throws", () =>
  virtually(() =>
    taskGroup(async (group) => {
      const variable = new ContextVar<string>("variable", { default: "default" });
      {
        using token = variable.set("inside");
        variable.reset(token);
        variable.set("again");
      }
      assert.equal(variable.get(), "again");
      const token = variable.set("mine");
      const error = await group.spawn(() => rejection(Promise.try(() => token[Symbol.dispose]())));
      assert.ok(error instanceof InvalidStateError);
      assert.equal(variable.get(), "mine");
    }),
  ));

test("variables do not see each other", () =>
  virtually(() => {
    const variables = Array.from({ length: 50 }, (_, index) => new ContextVar<number>(`variable ${index}`));
    const tokens = variables.map((variable, index) => variable.set(index));
    variables[10]?.reset(tokens[10] as NonNullable<(typeof tokens)[0]>);
    variables.forEach((variable, index) => {
      assert.equal(variable.get(-1), index === 10 ? -1 : index);
    });
  }));

test("variables work outside of every run, and their values hold there from then on", () => {
  const variable = new ContextVar<string>("variable", { default: "default" });
  const token = variable.set("outside");
  assert.equal(variable.get(), "outside");
  variable.reset(token);
  assert.equal(variable.get(), "default");
});

test("outside of every run, tasks of a group inherit and keep to themselves", async () => {
  const variable = new ContextVar<string>("variable");
  using _ = variable.set("outside");
  const seen = await taskGroup(async (group) => {
    const child = group.spawn(() => {
      const before = variable.get();
      variable.set("child");
      return before;
    });
    return [await child, variable.get()];
  });
  assert.deepEqual(seen, ["outside", "outside"]);
});

test("code that outlives its task keeps the values of the task", async () => {
  const variable = new ContextVar<string>("variable", { default: "default" });
  const late = Promise.withResolvers<string>();
  await taskGroup((group) => {
    group.spawn(() => {
      variable.set("of the task");
      setImmediate(() => late.resolve(variable.get()));
    });
  });
  assert.equal(await late.promise, "of the task");
});

test("the value of a task that has ended is let go of", async () => {
  const variable = new ContextVar<object>("variable");
  let kept: WeakRef<object> | undefined;
  await virtually(() =>
    taskGroup((group) => {
      group.spawn(() => {
        const value = {};
        kept = new WeakRef(value);
        variable.set(value);
      });
    }),
  );
  await collectGarbage();
  assert.equal(kept?.deref(), undefined);
});
