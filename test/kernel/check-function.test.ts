/** A promise, or nothing, in the place of a function: told by name, to whoever passed it. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  abortable,
  cancelScope,
  contextManager,
  coroutine,
  fromCallback,
  handleGroup,
  moveOnAfter,
  once,
  openFeed,
  rateLimit,
  run,
  shield,
  supervisor,
  type TaskGroup,
  taskGroup,
  withTimeout,
} from "coppice";
import { virtually } from "../support/virtual.ts";

/** What takes a function, given something else. Here to be in the stack as well. */
const takers: Record<string, (fn: never) => unknown> = {
  abortable: (fn) => abortable(fn),
  cancelScope: (fn) => cancelScope(fn),
  contextManager: (fn) => contextManager(fn),
  coroutine: (fn) => coroutine(fn),
  fromCallback: (fn) => fromCallback(fn),
  handleGroup: (fn) => handleGroup(fn, []),
  moveOnAfter: (fn) => moveOnAfter(1, fn),
  once: (fn) => once(fn),
  openFeed: (fn) => openFeed(fn, { capacity: 1 }),
  "run of a rate limiter": (fn) => rateLimit({ limit: 1, perMs: 1 }).run(fn),
  shield: (fn) => shield(fn),
  "spawn, in a supervisor": (fn) => supervisor((group) => spawnIn(group, fn)),
  spawn: (fn) => taskGroup((group) => spawnIn(group, fn)),
  start: (fn) => taskGroup((group) => group.start(fn)),
  supervisor: (fn) => supervisor(fn),
  taskGroup: (fn) => taskGroup(fn),
  withTimeout: (fn) => withTimeout(1, fn),
};

function spawnIn(group: TaskGroup, fn: never): void {
  group.spawn(fn);
}

for (const [name, take] of Object.entries(takers)) {
  test(`${name}: a promise in place of a function is a TypeError that says so`, () =>
    virtually(async () => {
      const error = await errorOf(() => take(Promise.resolve() as never));
      assert.match(error.message, /: expected a function, got a promise, whose work has begun: pass \(\) => it$/);
    }));

  test(`${name}: undefined in place of a function is a TypeError whose stack shows the call`, () =>
    virtually(async () => {
      const error = await errorOf(() => take(undefined as never));
      assert.match(error.message, /: expected a function, got undefined$/);
      assert.match(String(error.stack), /check-function\.test\.ts/);
    }));
}

test("a run outside of every run that is given no function rejects, and its stack shows the call", async () => {
  const error = await errorOf(() => run(Promise.resolve() as never));
  assert.equal(error.message, "run: expected a function, got a promise, whose work has begun: pass () => it");
  assert.match(String(error.stack), /check-function\.test\.ts/);
});

test("so does a run inside of a run", () =>
  virtually(async () => {
    const error = await errorOf(() => run(undefined as never));
    assert.match(error.message, /expected a function, got undefined/);
  }));

test("spawn that is given no function throws inside the call and starts no task", () =>
  virtually(() =>
    taskGroup((group) => {
      assert.throws(() => group.spawn(undefined as never), TypeError);
      assert.throws(() => group.spawn("work" as never), /spawn: expected a function, got "work"/);
      assert.throws(() => group.spawn(undefined as never, { name: "worker" }), TypeError);
    }),
  ));

async function errorOf(take: () => unknown): Promise<TypeError> {
  let caught: unknown;
  try {
    await take();
  } catch (error) {
    caught = error;
  }
  assert.ok(caught instanceof TypeError, String(caught));
  return caught;
}

test("an async generator function as a body is a TypeError: nobody would iterate it", () =>
  virtually(async () => {
    async function* lines() {
      yield "never";
    }
    const message = /^the function lines is an async generator, which nobody would iterate/;
    for (const take of [
      () => taskGroup((group) => void group.spawn(lines)),
      () => taskGroup((group) => void group.spawn(lines, { name: "named" })),
      () => taskGroup(lines),
      () => withTimeout(1, lines),
      () => run(lines),
    ]) {
      assert.match((await errorOf(take)).message, message);
    }
    // One that a body gives is a value like any other.
    assert.equal(typeof (await withTimeout(1, () => lines())), "object");
  }));
