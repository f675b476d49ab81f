/**
 * Generators as context managers: what comes before the `yield` enters, what comes after it leaves. After Python's `contextlib`.
 *
 *   entering --yield value--> inside --left--> leaving --returned--> closed
 *
 * The generator yields exactly once; zero times or twice is an `InvalidStateError`. With `using` it is resumed at the `yield` whatever happened
 * inside, because disposal never learns of an error; `use(body)` throws the body's error in at the `yield`, where it may be handled.
 *
 * Rejected: a callback form alone (`using` is how JavaScript spells this); a scope opened around the `yield`: what is inside would
 * not run in it, since JavaScript binds the ambient scope to calls.
 */
import { type Returned, settled } from "../kernel/body.ts";
import { checkFunction } from "../kernel/check-function.ts";
import { InvalidStateError } from "../kernel/errors.ts";
import { quietly } from "../kernel/quiet.ts";

/** Something entered: its value, and a disposal that leaves. */
export interface Managed<T> extends Disposable {
  readonly value: T;
}

/** Something entered that is left asynchronously, with `await using`: its value, and a disposal that leaves. */
export interface AsyncManaged<T> extends AsyncDisposable {
  readonly value: T;
}

/** Enters when called: `using directory = temporaryDirectory();`. */
export interface ContextManager<A extends readonly unknown[], T> {
  (...values: A): Managed<T>;
  /**
   * Enters, calls `body` with the value, and leaves once the body is over: where it is an async function or a generator function, `use` gives
   * a promise. An error of the body is thrown in at the `yield`: one that is caught there ends there, and `use` gives `undefined`.
   */
  // biome-ignore lint/suspicious/noExplicitAny: what comes back from a `yield` is up to what was yielded.
  use<R>(body: (value: T) => PromiseLike<R> | Generator<unknown, R, any>, ...values: A): Promise<R | undefined>;
  use<R>(body: (value: T) => R, ...values: A): R | undefined;
}

/** Enters when called: `await using connection = await pooledConnection();`. */
export interface AsyncContextManager<A extends readonly unknown[], T> {
  (...values: A): Promise<AsyncManaged<T>>;
  /** As that of `ContextManager`, with a body that may wait. */
  use<R>(body: (value: T) => Returned<R>, ...values: A): Promise<R | undefined>;
}

/**
 * Makes a context manager of a generator function that yields once, or an asynchronous one of an async generator function.
 *
 * When it is left in a cancelled scope, waits after the `yield` throw `Cancelled` as everywhere: `shield` those that must not.
 *
 * @example
 * ```ts
 * const temporaryDirectory = contextManager(function* (prefix: string) {
 *   const path = mkdtempSync(join(tmpdir(), prefix));
 *   try {
 *     yield path;
 *   } finally {
 *     rmSync(path, { recursive: true });
 *   }
 * });
 *
 * using directory = temporaryDirectory("report-");
 * writeFileSync(join(directory.value, "a.txt"), "text");
 * ```
 */
export function contextManager<A extends readonly unknown[], T>(
  generator: (...values: A) => Generator<T, void, void>,
): ContextManager<A, T>;
export function contextManager<A extends readonly unknown[], T>(
  generator: (...values: A) => AsyncGenerator<T, void, void>,
): AsyncContextManager<A, T>;
export function contextManager<A extends readonly unknown[], T>(
  generator: (...values: A) => Generator<T, void, void> | AsyncGenerator<T, void, void>,
): ContextManager<A, T> | AsyncContextManager<A, T> {
  checkFunction("contextManager", generator);
  const name = generator.name || "a context manager";
  return generator instanceof AsyncGeneratorFunction
    ? asynchronous(name, generator as (...values: A) => AsyncGenerator<T, void, void>)
    : synchronous(name, generator as (...values: A) => Generator<T, void, void>);
}

const AsyncGeneratorFunction = async function* () {}.constructor as new () => object;

function synchronous<A extends readonly unknown[], T>(
  name: string,
  generator: (...values: A) => Generator<T, void, void>,
): ContextManager<A, T> {
  const enter = (values: A): [Generator<T, void, void>, T] => {
    const frame = generator(...values);
    const step = frame.next();
    if (step.done === true) throw neverYielded(name);
    return [frame, step.value];
  };
  const leave = (frame: Generator<T, void, void>, step: IteratorResult<T, void>): void => {
    if (step.done === true) return;
    frame.return();
    throw yieldedTwice(name);
  };
  const manager = (...values: A): Managed<T> => {
    const [frame, value] = enter(values);
    let isOpen = true;
    return {
      value,
      [Symbol.dispose]() {
        if (!isOpen) return;
        isOpen = false;
        leave(frame, frame.next());
      },
    };
  };
  const use = <R>(body: (value: T) => Returned<R>, ...values: A): unknown => {
    const [frame, value] = enter(values);
    let result: R | Promise<R>;
    try {
      result = settled(body(value));
    } catch (error) {
      leave(frame, frame.throw(error));
      return undefined;
    }
    if (result instanceof Promise) return leaveAfter(frame, result);
    leave(frame, frame.next());
    return result;
  };
  const leaveAfter = <R>(frame: Generator<T, void, void>, result: Promise<R>): Promise<R | undefined> =>
    quietly(async () => {
      let value: R;
      try {
        value = await result;
      } catch (error) {
        leave(frame, frame.throw(error));
        return undefined;
      }
      leave(frame, frame.next());
      return value;
    });
  return Object.assign(manager, { use }) as ContextManager<A, T>;
}

function asynchronous<A extends readonly unknown[], T>(
  name: string,
  generator: (...values: A) => AsyncGenerator<T, void, void>,
): AsyncContextManager<A, T> {
  const enter = async (values: A): Promise<[AsyncGenerator<T, void, void>, T]> => {
    const frame = generator(...values);
    const step = await frame.next();
    if (step.done === true) throw neverYielded(name);
    return [frame, step.value];
  };
  const leave = async (frame: AsyncGenerator<T, void, void>, step: IteratorResult<T, void>): Promise<void> => {
    if (step.done === true) return;
    await frame.return();
    throw yieldedTwice(name);
  };
  const manager = (...values: A): Promise<AsyncManaged<T>> =>
    quietly(async () => {
      const [frame, value] = await enter(values);
      let isOpen = true;
      return {
        value,
        [Symbol.asyncDispose]: () =>
          quietly(async () => {
            if (!isOpen) return;
            isOpen = false;
            await leave(frame, await frame.next());
          }),
      };
    });
  const use = <R>(body: (value: T) => Returned<R>, ...values: A): Promise<R | undefined> =>
    quietly(async () => {
      const [frame, value] = await enter(values);
      let result: R;
      try {
        result = await settled(body(value));
      } catch (error) {
        await leave(frame, await frame.throw(error));
        return undefined;
      }
      await leave(frame, await frame.next());
      return result;
    });
  return Object.assign(manager, { use });
}

function neverYielded(name: string): InvalidStateError {
  return new InvalidStateError(
    `${name} ended without a yield: a context manager yields exactly once, where its user's work goes`,
  );
}

function yieldedTwice(name: string): InvalidStateError {
  return new InvalidStateError(`${name} yielded a second time: a context manager yields exactly once`);
}
