/**
 * Arguments that are none, tried on a function one after the other. Whatever is wrong is a `TypeError` or a `RangeError`, or has one as
 * its cause; the message names the value; a function that returns a promise rejects, and nothing is opened or waited for.
 */
import assert from "node:assert/strict";
import { moveOnAfter } from "coppice";

/** A call, what it is called with, and whether it rejects or throws. */
export interface BadCall {
  readonly name: string;
  readonly call: (value: never) => unknown;
  readonly values: readonly unknown[];
  readonly throws?: true;
}

/** No options, no host, no function: nothing of the kind. */
export const NO_OBJECT: readonly unknown[] = [null, 5, "text", Symbol("value"), () => {}];
export const NO_STRING: readonly unknown[] = [null, Number.NaN, 5, {}, [], true, Symbol("value")];
/** Among options, `null` stands for what is left out in some places and not in others; that is not looked at. */
export const NO_FUNCTION: readonly unknown[] = [undefined, null, 5, "text", {}];
export const NO_PORT: readonly unknown[] = [null, Number.NaN, -1, 1.5, 65_536, Number.POSITIVE_INFINITY, "80", {}];
export const NO_COUNT: readonly unknown[] = [Number.NaN, -1, 0, 1.5, "5", {}, Symbol("value")];
export const NO_DURATION: readonly unknown[] = [Number.NaN, -1, "5", {}];
export const NO_BYTES: readonly unknown[] = [undefined, null, 5, "text", {}, [1, 2], new ArrayBuffer(3)];

/** How a message may name a value: as it is written, or by its kind. */
function isNamed(value: unknown, message: string): boolean {
  // What an address lacks is named.
  if (message.endsWith("got undefined")) return true;
  const names = [typeof value === "symbol" ? "Symbol(value)" : String(value), typeof value];
  if (typeof value === "object" && value !== null)
    names.push(JSON.stringify(value), Object.prototype.toString.call(value));
  if (typeof value === "string") names.push(JSON.stringify(value), value === "" ? "empty" : "");
  if (typeof value === "object" && value !== null) names.push(`an instance of ${value.constructor.name}`);
  if (typeof value === "function") names.push("the function");
  if (Array.isArray(value)) names.push("Array");
  return names.some((name) => name !== "" && message.includes(name));
}

function assertNames(error: unknown, value: unknown): void {
  const isOne = (one: unknown): boolean => one instanceof TypeError || one instanceof RangeError;
  assert.ok(error instanceof Error, String(error));
  assert.ok(isOne(error) || isOne(error.cause), `expected a TypeError or a RangeError, got ${error.stack}`);
  assert.doesNotMatch(error.message, /Cannot (read|destructure|convert|use)|is not (a function|iterable|an object)/);
  assert.ok(isNamed(value, error.message), `the value is not named: ${error.message}`);
}

/** Fails unless each of the values is refused, and named. */
export async function assertRefused({ call, values, throws }: BadCall): Promise<void> {
  for (const value of values) {
    let outcome: unknown;
    try {
      outcome = call(value as never);
    } catch (error) {
      assert.ok(throws, `it threw, and should reject: ${error}`);
      assertNames(error, value);
      continue;
    }
    assert.ok(!throws, `${String(value)} was taken`);
    const error = await moveOnAfter(1_000, () =>
      (outcome as Promise<unknown>).then(
        () => assert.fail(`${String(value)} was taken`),
        (reason: unknown) => ({ reason }),
      ),
    );
    assert.ok(error !== undefined, `with ${String(value)} it hangs`);
    assertNames(error.reason, value);
  }
}
