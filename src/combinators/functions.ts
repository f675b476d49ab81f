/**
 * What combinators take: functions, never promises, because a promise has begun its work already and nobody can cancel it.
 */
import type { Returned } from "../kernel/body.ts";
import { checkFunction, describe } from "../kernel/check-function.ts";

/** What a function gives in the end: the value of its promise, the return value of its generator, or what it returns. */
export type Outcome<F> = F extends () => infer R
  ? R extends Generator<unknown, infer V, never>
    ? V
    : Awaited<R>
  : never;

/** The same for each function of a tuple, in its place. */
export type Outcomes<T extends readonly unknown[]> = { -readonly [K in keyof T]: Outcome<T[K]> };

/** A function for a combinator to run: async, plain, or a generator function. */
export type Fn<T> = () => Returned<T>;

/**
 * The functions in `fns`, as a list of their own.
 *
 * @throws TypeError if it is not iterable, or holds something that is no function.
 */
export function functionsOf<T>(what: string, fns: Iterable<Fn<T>>): Fn<T>[] {
  if (!isIterable(fns)) throw new TypeError(`${what}: expected a list of functions, got ${describe(fns)}`);
  const list = Array.from(fns);
  for (const [index, fn] of list.entries()) checkFunction(`${what}: at index ${index}`, fn);
  return list;
}

/** @throws TypeError if `options` is no object; `such` is what one looks like. */
export function checkOptions(what: string, options: object, such: string): void {
  if (Object(options) === options) return;
  throw new TypeError(`${what}: expected options such as ${such}, got ${describe(options)}`);
}

export function isIterable<T>(value: Iterable<T>): boolean {
  return typeof (value as Iterable<T> | null | undefined)?.[Symbol.iterator] === "function";
}

export function isAsyncIterable<T>(value: Iterable<T> | AsyncIterable<T>): value is AsyncIterable<T> {
  return typeof (value as AsyncIterable<T> | null | undefined)?.[Symbol.asyncIterator] === "function";
}
