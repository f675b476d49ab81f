/**
 * What the functions that take a body accept: an async function, a plain one, or a generator function, which is driven
 * as a coroutine. One place calls bodies, so that all of them agree.
 */
import { checkFunction, describe } from "./check-function.ts";
import { asGenerator, drive } from "./drive.ts";

/** What a body that gives a `T` may return. A generator runs as a coroutine (`yield*` what it waits for). */
// biome-ignore lint/suspicious/noExplicitAny: what comes back from a `yield` is up to what was yielded, so no one type is right.
export type Returned<T> = T | PromiseLike<T> | Generator<unknown, T, any>;

/** Calls `body(argument)`. A task or a future that it returns is waited for here, so that the wait belongs to the scope in force. */
export function callBody<A, T>(body: (argument: A) => Returned<T>, argument: A): T | Promise<T> {
  checkFunction("body", body);
  return settled(body(argument), body);
}

/**
 * What `body`, if it is given (as a function, or as the `run` of an object), returned: as a value or a native promise. May throw, as a `then` that is a getter may.
 *
 * @throws TypeError if the body is an async generator function: it would never run, as nobody iterates what it gives.
 */
export function settled<T>(result: Returned<T>, body?: unknown): T | Promise<T> {
  if (result instanceof Promise || typeof result !== "object" || result === null) return result as T | Promise<T>;
  const generator = asGenerator(result);
  if (generator !== undefined) return drive(generator as Generator<unknown, T>);
  if ("then" in result && typeof result.then === "function") return Promise.resolve(result);
  const fn = Object(body).run ?? body;
  if (fn instanceof AsyncGeneratorFunction) {
    throw new TypeError(
      `${describe(fn)} is an async generator, which nobody would iterate: use async function or function*`,
    );
  }
  return result as T;
}

const AsyncGeneratorFunction = async function* () {}.constructor as new () => object;
