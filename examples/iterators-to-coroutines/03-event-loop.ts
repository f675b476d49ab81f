/**
 * An event loop in ten lines: generators that take turns. No library, no promise, no thread.
 *
 *   npm run example -- iterators-to-coroutines/03-event-loop
 *
 * `yield` here gives no value. It means "let the others run": the task hands the one thread back, and the loop decides
 * who gets it next. Nothing is ever interrupted between two yields, so tasks need no locks for what they share.
 */
import assert from "node:assert/strict";

type Task = Generator<undefined, void>;

/** Round robin: one step of the first in line, then it goes to the back. */
function runAll(...tasks: Task[]): void {
  const ready = [...tasks];
  for (let task = ready.shift(); task !== undefined; task = ready.shift()) {
    const { done } = task.next();
    if (!done) ready.push(task);
  }
}

const printed: string[] = [];

function print(line: string): void {
  printed.push(line);
  console.log(line);
}

function* countdown(name: string, from: number): Task {
  for (let n = from; n > 0; n--) {
    print(`${name}: ${n} to go`);
    yield;
  }
  print(`${name}: lift-off`);
}

function* countUp(name: string, to: number): Task {
  for (let n = 1; n <= to; n++) {
    print(`${name}: ${n} of ${to}`);
    yield;
  }
}

runAll(countdown("rocket", 3), countUp("seats", 5), countdown("balloon", 1));

const lines = (name: string) => printed.filter((line) => line.startsWith(name)).length;
assert.equal(lines("rocket"), 4);
assert.equal(lines("seats"), 5);
assert.equal(lines("balloon"), 2);
assert.equal(printed.at(-1), "seats: 5 of 5", "the longest ends last");
