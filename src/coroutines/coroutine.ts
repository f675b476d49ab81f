/**
 * Generators as coroutines: the second style in which a task can be written, on the same kernel as async functions.
 *
 *   a coroutine function   made by `coroutine(function* ...)`; calling it runs nothing yet
 *   a coroutine            what the call gives; it runs once: awaited, delegated to with `yield*`, or spawned
 *
 * The trampoline that runs it (`kernel/drive.ts`) has its own stack, so coroutines may delegate a million levels deep.
 */

import { checkFunction, describe } from "../kernel/check-function.ts";
import { drive, GENERATOR } from "../kernel/drive.ts";
import { InvalidStateError } from "../kernel/errors.ts";
import { delegate, type Handover } from "../kernel/future-like.ts";
import { type Callback, thenQuietly } from "../kernel/joiner.ts";
import { printsAs } from "../kernel/printed.ts";
import { quietly } from "../kernel/quiet.ts";

/** A computation that was called and has not run yet. It runs once, in the task and scope of whoever waits for it first. */
export interface Coroutine<T> {
  /** The name of its function. */
  readonly name: string;
  /** What makes `await` run it. */
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B>;
  /** What makes `yield*` run it, inside of another coroutine. */
  [Symbol.iterator](): Handover<T>;
}

/** What `coroutine` makes: calling it runs nothing yet. */
export type CoroutineFunction<A extends readonly unknown[], T> = (...values: A) => Coroutine<T>;

// biome-ignore lint/suspicious/noExplicitAny: what comes back from a `yield` is up to what was yielded.
type GeneratorBody<A extends readonly unknown[], T> = (...values: A) => Generator<unknown, T, any>;

const coroutineFunctions = new WeakSet<object>();

/**
 * Makes a coroutine function of a generator function.
 *
 * Inside, `yield*` waits for a task, a future, `until(promise)` or another coroutine, and gives its value, typed. A plain `yield promise`
 * waits for any promise as it is: no checkpoint, so that cleanup can wait in a cancelled scope. A bare `yield` is a checkpoint that lets
 * the others run. A cancellation is thrown in at the `yield` that waits; `finally` blocks run, and may wait: `yield shield(() => …)`.
 *
 * @example
 * ```ts
 * const total = coroutine(function* (urls: string[]) {
 *   let bytes = 0;
 *   for (const url of urls) bytes += (yield* until(fetch(url))).headers.size;
 *   return bytes;
 * });
 * await total(urls);
 * group.spawn(() => total(urls));
 * ```
 */
export function coroutine<A extends readonly unknown[], T>(body: GeneratorBody<A, T>): CoroutineFunction<A, T> {
  checkFunction("coroutine", body);
  const call = (...values: A): Coroutine<T> => new RunsOnce(body.name || "anonymous", () => body(...values));
  Object.defineProperty(call, "name", { value: body.name, configurable: true });
  Object.defineProperty(call, "length", { value: body.length, configurable: true });
  coroutineFunctions.add(call);
  return call;
}

/** Whether calling `value` gives a computation to be awaited: an async function, or one made by `coroutine`. */
export function isCoroutineFunction(value: unknown): value is (...values: never[]) => PromiseLike<unknown> {
  return typeof value === "function" && (coroutineFunctions.has(value) || value instanceof AsyncFunction);
}

/** Whether `value` is what calling a coroutine function gives. (An async function gives a promise, which says nothing of where it came from.) */
export function isCoroutine(value: unknown): value is Coroutine<unknown> {
  return value instanceof RunsOnce;
}

const AsyncFunction = (async () => {}).constructor as new () => object;

class RunsOnce<T> implements Coroutine<T> {
  readonly name: string;
  #start: (() => Generator<unknown, T>) | undefined;

  constructor(name: string, start: () => Generator<unknown, T>) {
    this.name = name;
    this.#start = start;
  }

  /** For the trampoline. */
  [GENERATOR](): Generator<unknown, T> {
    const start = this.#start;
    if (start === undefined) {
      throw new InvalidStateError(
        `coroutine ${this.name} runs already, or has run: call its function again for another`,
      );
    }
    this.#start = undefined;
    const generator = start();
    if (typeof generator?.next === "function") return generator;
    throw new TypeError(
      `coroutine ${this.name}: expected a generator function, got one that gives ${describe(generator)}`,
    );
  }

  // biome-ignore lint/suspicious/noThenProperty: a coroutine is awaited.
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const run = quietly(async () => await drive(this[GENERATOR]()));
    return thenQuietly(run, onFulfilled as Callback, onRejected as Callback) as Promise<A | B>;
  }

  [Symbol.iterator](): Handover<T> {
    return delegate(this);
  }

  static {
    printsAs(RunsOnce, ({ name }) => ({ name }), "Coroutine");
  }
}
