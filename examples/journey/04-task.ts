/**
 * A task, made by hand: a small class that drives a generator over promises. No library, and no `await`.
 *
 *   npm run example -- journey/04-task
 *
 * The generator yields a promise and sleeps; when the promise has its value, the task wakes the generator up with it. So
 * the code in the generator reads as if it blocked, and blocks nobody. `await` is this, built into the language.
 */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";

/** Yields promises of numbers, and is sent the numbers. */
type Work = Generator<Promise<number>, void, number>;

class Task {
  readonly #work: Work;

  constructor(work: Work) {
    this.#work = work;
    this.#advance(() => work.next());
  }

  /** Takes the generator to its next promise, whose outcome will take it one step further. */
  #advance(step: () => IteratorResult<Promise<number>, void>): void {
    const { done, value: promise } = step();
    if (done) return;
    promise.then(
      (value) => this.#advance(() => this.#work.next(value)),
      (error) => this.#advance(() => this.#work.throw(error)),
    );
  }
}

const log: string[] = [];

function print(line: string): void {
  log.push(line);
  console.log(line);
}

/** An adding machine, slow and small. */
async function add(a: number, b: number): Promise<number> {
  if (a + b > 99) throw new RangeError(`${a} + ${b} is too much`);
  return await setTimeout(10, a + b);
}

function* sumUp(name: string, numbers: readonly number[]): Work {
  let total = 0;
  try {
    for (const n of numbers) {
      total = yield add(total, n);
      print(`${name}: ${total}`);
    }
    print(`${name}: done`);
  } catch (error) {
    print(`${name}: ${error}`); // a promise that fails is an exception, right at the yield
  }
}

new Task(sumUp("small", [1, 2, 3]));
new Task(sumUp("large", [40, 50, 60]));
print("both are under way");

// A task of this kind has no result, and nobody can wait for it, this check included. The next program mends that.
process.on("exit", () => {
  assert.equal(log[0], "both are under way");
  assert.ok(log.indexOf("large: 40") < log.indexOf("small: 3"), "they took turns");
  assert.ok(log.includes("small: done"));
  assert.ok(log.includes("large: RangeError: 90 + 60 is too much"));
});
