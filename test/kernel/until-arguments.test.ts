import assert from "node:assert/strict";
import test from "node:test";
import { coroutine, until } from "coppice";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

for (const value of [undefined, null, 5, "text", false, Symbol("here")]) {
  test(`until(${String(value)}) rejects with a TypeError that names it`, () =>
    virtually(async () => {
      const wait = until(value as unknown as Promise<void>);
      const error = await rejection(wait);
      assert.ok(error instanceof TypeError);
      assert.equal(error.message, `until: expected a promise, got ${value === "text" ? '"text"' : String(value)}`);
      const inGenerator = coroutine(function* () {
        yield* until(value as unknown as Promise<void>);
      });
      assert.ok((await rejection(inGenerator())) instanceof TypeError);
    }));
}

test("until takes a thenable that is a function", () =>
  virtually(async () => {
    // biome-ignore lint/suspicious/noThenProperty: a thenable.
    const thenable = Object.assign(() => {}, { then: (resolve: (value: string) => void) => resolve("value") });
    assert.equal(await until(thenable as unknown as PromiseLike<string>), "value");
  }));
