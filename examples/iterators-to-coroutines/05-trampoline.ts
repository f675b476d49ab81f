/**
 * A trampoline: generators that call generators, on a stack of our own.
 *
 *   npm run example -- iterators-to-coroutines/05-trampoline
 *
 * A routine yields the routine whose result it needs. The trampoline runs that one first, and sends its result back in.
 * Every step returns to the trampoline, so the native stack never grows: what is left to do is kept in an array.
 */
import assert from "node:assert/strict";

/** Yields routines, is sent their results, and returns a number. */
interface Routine extends Generator<Routine, number, number> {}

function trampoline(routine: Routine): number {
  const stack = [routine];
  let result = Number.NaN; // what is first sent into a generator goes nowhere, so any number will do
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { done, value } = top.next(result);
    if (done) {
      stack.pop();
      result = value;
    } else {
      stack.push(value);
    }
  }
  return result;
}

function* power(base: number, exponent: number): Routine {
  return exponent === 0 ? 1 : base * (yield power(base, exponent - 1));
}

function* hypotenuse(a: number, b: number): Routine {
  const aSquared = yield power(a, 2);
  const bSquared = yield power(b, 2);
  return Math.sqrt(aSquared + bSquared);
}

const length = trampoline(hypotenuse(3, 4));
assert.equal(length, 5);
console.log(`3 and 4 make ${length}`);

function sumTo(n: number): number {
  return n === 0 ? 0 : n + sumTo(n - 1);
}

function* sumToRoutine(n: number): Routine {
  return n === 0 ? 0 : n + (yield sumToRoutine(n - 1));
}

const depth = 100_000;
assert.throws(() => sumTo(depth), RangeError);
console.log(`a plain function, ${depth} calls deep: the stack overflows`);

const sum = trampoline(sumToRoutine(depth));
assert.equal(sum, (depth * (depth + 1)) / 2);
console.log(`on the trampoline, as deep: ${sum}`);
