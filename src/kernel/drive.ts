/**
 * Running a generator as a coroutine: a trampoline with a stack of its own, so that depth costs heap and not stack.
 *
 *   what is yielded              what happens                                   what comes back
 *   nothing                      a checkpoint, and the others get their turn    undefined
 *   a generator, a coroutine     it runs to its end, on top of this one         what it returned
 *   a task, a future             waited for; a checkpoint                       its value
 *   a promise, a thenable        waited for as it is; no checkpoint             its value
 *   anything else                                                               TypeError
 *
 * An error, the cancellation of a wait included, is thrown in at the innermost `yield`, so `finally` blocks run, and may wait.
 *
 * Rejected: unwinding by `generator.return()`, which resumes what was delegated to as if nothing had happened; leaving delegation to
 * `yield*` alone, where each level of it costs native stack at every step (a `yield*` over one of our own objects hands the object
 * to the trampoline instead).
 */
import { describe, isThenable } from "./check-function.ts";
import { detour, mustDetour } from "./checkpoint.ts";
import { DONE } from "./microtask.ts";
import { currentNode } from "./scope.ts";

/** The key under which an object gives the generator that the trampoline is to run on top of whoever yields the object. */
export const GENERATOR: unique symbol = Symbol("coppice.generator");

export interface Delegate {
  [GENERATOR](): Generator;
}

/** Runs `generator` to its end, in the scope that is in force. */
export async function drive<T>(generator: Generator<unknown, T>): Promise<T> {
  const frames = new Frames(generator);
  while (frames.advance()) {
    try {
      frames.resume(await frames.awaited);
    } catch (error) {
      frames.fail(error);
    }
  }
  return frames.result as T;
}

/** Something that a trampoline can run: a generator, or what gives one. */
export function asGenerator(value: object): Generator | undefined {
  if (isGenerator(value)) return value;
  return isDelegate(value) ? value[GENERATOR]() : undefined;
}

function isGenerator(value: unknown): value is Generator {
  return (
    typeof value === "object" &&
    value !== null &&
    (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === "Generator" &&
    typeof (value as { throw?: unknown }).throw === "function"
  );
}

/** The generators that stand on top of each other, and what goes into the topmost one next. */
class Frames {
  readonly #stack: Generator[] = [];
  #input: unknown = undefined;
  #isFailure = false;

  constructor(first: Generator) {
    this.#stack.push(first);
  }

  /** What the topmost one waits for. */
  awaited: unknown = undefined;
  /** What the first one returned. */
  result: unknown = undefined;

  resume(value: unknown): void {
    this.#input = value;
    this.#isFailure = false;
  }

  fail(error: unknown): void {
    this.#input = error;
    this.#isFailure = true;
  }

  /** Runs until there is something to wait for, and says whether there is. @throws what the first one threw. */
  advance(): boolean {
    for (let top = this.#stack.at(-1); top !== undefined; top = this.#stack.at(-1)) {
      let step: IteratorResult<unknown, unknown>;
      try {
        step = this.#isFailure ? top.throw(this.#input) : top.next(this.#input);
      } catch (error) {
        this.#stack.pop();
        this.fail(error);
        continue;
      }
      if (step.done === true) {
        this.#stack.pop();
        this.resume(step.value);
      } else if (this.#look(step.value)) return true;
    }
    if (this.#isFailure) throw this.#input;
    this.result = this.#input;
    return false;
  }

  /** Looks at what was yielded, and says whether it is to be waited for. Errors on the way (a `then` may be a getter that throws) are its yielder's. */
  #look(yielded: unknown): boolean {
    this.resume(undefined);
    try {
      if (isGenerator(yielded)) this.#stack.push(yielded);
      else if (isDelegate(yielded)) this.#stack.push(yielded[GENERATOR]());
      else if (yielded === undefined || isThenable(yielded)) {
        this.awaited = yielded === undefined ? turn() : yielded;
        return true;
      } else
        throw new TypeError(
          `a coroutine yielded ${describe(yielded)}, which is nothing to wait for: yield ${WAITABLE}`,
        );
    } catch (error) {
      this.fail(error);
    }
    return false;
  }
}

const WAITABLE = "a promise, a task, a future, a coroutine or a generator, or nothing at all";

/** A checkpoint that lets the others run in any case. */
function turn(): Promise<void> {
  const scope = currentNode();
  return mustDetour(scope) ? detour(scope, () => DONE) : DONE;
}

function isDelegate(value: unknown): value is Delegate {
  return typeof value === "object" && value !== null && GENERATOR in value;
}
