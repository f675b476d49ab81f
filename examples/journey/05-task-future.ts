/**
 * A task that is itself a future: so it has a result, and tasks can wait for tasks.
 *
 *   npm run example -- journey/05-task-future            (add --real to wait for real)
 *
 * The task of the last program could drive a generator but not be waited for. It takes one word, `extends`, and a place for
 * the outcome to go. A `yield*` hands the future that it stands before to whoever drives the generator: here, to our class.
 * (A task of the library can be cancelled, too, and belongs to a group.)
 */
import assert from "node:assert/strict";
import { currentLoop, Future } from "coppice";
import { start } from "../start.ts";

/** Yields futures, is sent what they gave, and returns a `T`. */
type Work<T> = Generator<unknown, T>;

class Task<T> extends Future<T> {
  readonly #work: Work<T>;

  constructor(name: string, work: Work<T>) {
    super({ name });
    this.#work = work;
    this.#advance(() => work.next());
  }

  #advance(step: () => IteratorResult<unknown, T>): void {
    try {
      const { done, value } = step();
      if (done) this.setResult(value);
      else if (value instanceof Future) value.addDoneCallback((awaited) => this.#wakeUp(awaited));
      else throw new TypeError(`${this.name} yielded no future`);
    } catch (error) {
      this.setError(error);
    }
  }

  #wakeUp(awaited: Future<unknown>): void {
    const error = awaited.error();
    this.#advance(() => (error === undefined ? this.#work.next(awaited.result()) : this.#work.throw(error)));
  }
}

/** What a machine far away computes: a future that is set in a second. */
function divide(dividend: number, divisor: number): Future<number> {
  const quotient = new Future<number>({ name: `${dividend} / ${divisor}` });
  currentLoop().callAt(currentLoop().time() + 1_000, () => {
    if (divisor === 0) quotient.setError(new RangeError("division by zero"));
    else quotient.setResult(dividend / divisor);
  });
  return quotient;
}

function* average(name: string, numbers: readonly number[]): Work<number> {
  console.log(`${name}: dividing`);
  const total = numbers.reduce((sum, n) => sum + n, 0);
  return yield* divide(total, numbers.length);
}

function* compare(): Work<string> {
  // Both have begun before the first is waited for, so they compute at the same time.
  const oaks = new Task("oaks", average("oaks", [18, 20, 22]));
  const elms = new Task("elms", average("elms", [25, 31]));
  const difference = (yield* elms) - (yield* oaks);
  console.log(`compare: the elms are ${difference} m higher`);
  try {
    yield* new Task("palms", average("palms", []));
  } catch (error) {
    return `no palms: ${error}`;
  }
  return "palms!";
}

await start(async () => {
  const startedAt = currentLoop().time();
  const task = new Task("compare", compare());
  assert.ok(!task.done);
  const last = await task; // a future of the library's: an async function can wait for it as well
  console.log(`main: ${last}`);
  assert.equal(last, "no palms: RangeError: division by zero");
  assert.ok(currentLoop().time() - startedAt < 3_000, "three divisions in two seconds");
});
