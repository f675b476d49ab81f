/**
 * A child process of the cancellation benchmark: builds trees of tasks of one kind that all wait, cancels each as one,
 * and tells the parent how long it took until everything had ended, and how much of that its thread was at work.
 *
 * A tree has leaves at depth 5: inner tasks of ten children each, and at the top as many branches as the size asks for. Every leaf counts
 * itself when it begins to wait, and in a `finally` when it ends; the time counts once all have.
 */

import { cancelScope, run, sleepForever, type TaskGroup, taskGroup } from "coppice";
import { Effect, Fiber } from "effect";
import * as effection from "effection";
import { quantile } from "./report.ts";

const [kind = "", leaves = "0", trials = "0"] = process.argv.slice(2);
const leavesOfBranch = 10_000;
const innerOfBranch = 1 + 10 + 100 + 1_000;
const warmUpLeaves = 10_000;
const warmUps = 5;

let waitingCount = 0;
let endedCount = 0;

/** Builds as many leaves as asked for, waits until they wait, cancels them all, and gives what this took. */
type Trial = (leafCount: number) => Promise<Took>;

interface Took {
  readonly elapsedMs: number;
  readonly busyMs: number;
}

class Stopwatch {
  readonly #startedAt = performance.now();
  readonly #usage = process.threadCpuUsage();

  stop(): Took {
    const { user, system } = process.threadCpuUsage(this.#usage);
    return { elapsedMs: performance.now() - this.#startedAt, busyMs: (user + system) / 1e3 };
  }
}

const kinds: Record<string, Trial> = {
  "coppice-tree": (leafCount) => coppiceTrial((group) => growGroup(group, leafCount / leavesOfBranch, 5), leafCount),
  "coppice-flat": (leafCount) => coppiceTrial((group) => growGroup(group, leafCount, 1), leafCount),

  async "raw-tree"(leafCount) {
    const controller = new AbortController();
    const tree = growSignals(controller.signal, leafCount / leavesOfBranch, 5);
    await allWaiting(leafCount);
    const watch = new Stopwatch();
    controller.abort();
    await tree;
    return watch.stop();
  },

  async effect(leafCount) {
    const tree = Effect.runFork(growFibers(leafCount / leavesOfBranch, 5));
    await allWaiting(leafCount);
    const watch = new Stopwatch();
    await Effect.runPromise(Fiber.interrupt(tree));
    return watch.stop();
  },

  async effection(leafCount) {
    const tree = effection.run(() => growOperations(leafCount / leavesOfBranch, 5));
    // Halting rejects what waits for the task.
    tree.catch(() => {});
    await allWaiting(leafCount);
    const watch = new Stopwatch();
    await tree.halt();
    return watch.stop();
  },
};

process.on("disconnect", () => process.exit());
const trial = kinds[kind];
if (trial === undefined) throw new RangeError(`unknown kind "${kind}": use ${Object.keys(kinds).join(", ")}`);
const leafCount = Number(leaves);
const taskCount = kind.endsWith("flat") ? leafCount : (leafCount / leavesOfBranch) * (leavesOfBranch + innerOfBranch);
const took: Took[] = [];
for (let index = 0; index < warmUps; index++) await measured(warmUpLeaves);
for (let index = 0; index < Number(trials); index++) {
  took.push(await measured(leafCount));
}
const medianUs = (of: (trial: Took) => number) => (quantile(took.map(of), 0.5) * 1e3) / taskCount;
process.send?.({ elapsedUs: medianUs((trial) => trial.elapsedMs), busyUs: medianUs((trial) => trial.busyMs) }, () =>
  process.exit(),
);

async function measured(count: number): Promise<Took> {
  waitingCount = 0;
  endedCount = 0;
  const result = await (trial as Trial)(count);
  if (endedCount !== count) throw new Error(`${endedCount} of ${count} leaves have ended`);
  return result;
}

async function allWaiting(count: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (waitingCount < count) {
    if (performance.now() > deadline) throw new Error(`only ${waitingCount} of ${count} leaves wait`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
}

async function coppiceTrial(grow: (group: TaskGroup) => void, leafCount: number): Promise<Took> {
  let watch: Stopwatch | undefined;
  await run(() =>
    cancelScope(async (scope) => {
      const tree = taskGroup(async (group) => grow(group));
      await allWaiting(leafCount);
      watch = new Stopwatch();
      scope.cancel();
      await tree;
    }),
  );
  return (watch as unknown as Stopwatch).stop();
}

function growGroup(group: TaskGroup, branches: number, depth: number): void {
  for (let index = 0; index < branches; index++) {
    if (depth === 1) group.spawn(coppiceLeaf);
    else group.spawn(() => taskGroup(async (inner) => growGroup(inner, 10, depth - 1)));
  }
}

async function coppiceLeaf(): Promise<void> {
  waitingCount++;
  try {
    await sleepForever();
  } finally {
    endedCount++;
  }
}

async function growSignals(signal: AbortSignal, branches: number, depth: number): Promise<void> {
  const children: Promise<void>[] = [];
  for (let index = 0; index < branches; index++) children.push(depth === 1 ? rawLeaf(signal) : branch());
  await Promise.allSettled(children);

  async function branch(): Promise<void> {
    const controller = new AbortController();
    signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
    await growSignals(controller.signal, 10, depth - 1);
  }
}

async function rawLeaf(signal: AbortSignal): Promise<void> {
  waitingCount++;
  try {
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  } finally {
    endedCount++;
  }
}

function growFibers(branches: number, depth: number): Effect.Effect<void> {
  const child = Effect.suspend(depth === 1 ? effectLeaf : () => growFibers(10, depth - 1));
  return Effect.gen(function* () {
    for (let index = 0; index < branches; index++) yield* Effect.forkChild(child);
    yield* Effect.never;
  });
}

function effectLeaf(): Effect.Effect<void> {
  waitingCount++;
  return Effect.ensuring(
    Effect.never,
    Effect.sync(() => {
      endedCount++;
    }),
  );
}

function* growOperations(branches: number, depth: number): effection.Operation<void> {
  const child = depth === 1 ? effectionLeaf : () => growOperations(10, depth - 1);
  for (let index = 0; index < branches; index++) yield* effection.spawn(child);
  yield* effection.suspend();
}

function* effectionLeaf(): effection.Operation<void> {
  waitingCount++;
  try {
    yield* effection.suspend();
  } finally {
    endedCount++;
  }
}
