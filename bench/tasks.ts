/**
 * What a task costs: spawned and joined, one after the other, in one group.
 *
 * Everyone runs the same two async functions: one that returns at once and
 * one that awaits once. They are reached through a variable, so that V8 cannot
 * fold the call away.
 */

import { run, taskGroup } from "coppice";
import { Effect, Fiber } from "effect";
import * as effection from "effection";
import { type Contender, type Effort, measureInProcesses } from "./harness.ts";
import { compare, type Section, samplesOf, summarize } from "./report.ts";

type Work = () => Promise<number>;

async function returnsAtOnce(): Promise<number> {
  return 1;
}

async function awaitsOnce(): Promise<number> {
  await undefined;
  return 1;
}

const works: Record<string, Work> = { "returns at once": returnsAtOnce, "awaits once": awaitsOnce };

export const contenders: readonly Contender[] = [
  ...Object.entries(works).flatMap(([name, work]): Contender[] => [
    { name: `raw call, ${name}`, run: (count) => rawCalls(work, count) },
    { name: `coppice, ${name}`, run: (count) => coppiceSpawns(work, count) },
    { name: `effect, ${name}`, run: (count) => effectForks(Effect.promise(work), count) },
    { name: `effection, ${name}`, run: (count) => effectionSpawns(() => effection.call(work), count) },
  ]),
  {
    name: "effect, awaits once, started at once",
    run: (count) => effectForksAtOnce(Effect.promise(awaitsOnce), count),
  },
  { name: "effect, its own yield", run: (count) => effectForks(Effect.as(Effect.yieldNow, 1), count) },
  { name: "effect, no promise", run: (count) => effectForks(Effect.sync(one), count) },
  { name: "effect, no promise, started at once", run: (count) => effectForksAtOnce(Effect.sync(one), count) },
  { name: "effection, no promise", run: (count) => effectionSpawns(noPromise, count) },
];

export async function benchTasks(effort: Effort): Promise<Section> {
  const samples = await measureInProcesses(new URL(import.meta.url), effort);
  const of = (name: string) => samplesOf(samples, name);
  return {
    title: "Spawn and join a task, one after the other",
    notes: [
      "Raw: `await fn()`. Coppice: `await group.spawn(fn)` inside one taskGroup. Effect: forkChild(promise(fn)) and join.",
      "Effection: spawn(() => call(fn)) and `yield* task`. The function is the same everywhere; the headline is the one that awaits once.",
      "`its own yield` forks Effect.yieldNow, which is how an effect, rather than a promise, gives way once.",
      "`started at once` runs the child inside the fork, which coppice never does; `no promise` is a body that does not wait at all.",
    ],
    absolutes: samples.map((each) => summarize(each, "ns")),
    comparisons: [
      compare("coppice / raw call, awaits once", of("coppice, awaits once"), of("raw call, awaits once"), {
        kind: "at most",
        limit: 6,
      }),
      compare("coppice / raw call, returns at once", of("coppice, returns at once"), of("raw call, returns at once")),
      compare("effect / coppice, awaits once", of("effect, awaits once"), of("coppice, awaits once"), {
        kind: "at least",
        limit: 6,
      }),
      ...[
        "effect, its own yield",
        "effect, awaits once, started at once",
        "effect, no promise",
        "effect, no promise, started at once",
      ].map((name) => compare(`${name} / coppice, awaits once`, of(name), of("coppice, awaits once"))),
      compare("effection / coppice, awaits once", of("effection, awaits once"), of("coppice, awaits once"), {
        kind: "at least",
        limit: 60,
      }),
      compare("effection, no promise / coppice, awaits once", of("effection, no promise"), of("coppice, awaits once")),
    ],
  };
}

async function rawCalls(work: Work, count: number): Promise<number> {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += await work();
  return sum;
}

async function coppiceSpawns(work: Work, count: number): Promise<number> {
  return await run(() =>
    taskGroup(async (group) => {
      let sum = 0;
      for (let index = 0; index < count; index++) sum += await group.spawn(work);
      return sum;
    }),
  );
}

async function effectForks(work: Effect.Effect<number>, count: number): Promise<number> {
  return await Effect.runPromise(
    Effect.gen(function* () {
      let sum = 0;
      for (let index = 0; index < count; index++) {
        const fiber = yield* Effect.forkChild(work);
        sum += yield* Fiber.join(fiber);
      }
      return sum;
    }),
  );
}

async function effectForksAtOnce(work: Effect.Effect<number>, count: number): Promise<number> {
  return await Effect.runPromise(
    Effect.gen(function* () {
      let sum = 0;
      for (let index = 0; index < count; index++) {
        const fiber = yield* Effect.forkChild(work, { startImmediately: true });
        sum += yield* Fiber.join(fiber);
      }
      return sum;
    }),
  );
}

async function effectionSpawns(work: () => effection.Operation<number>, count: number): Promise<number> {
  return await effection.run(function* () {
    let sum = 0;
    for (let index = 0; index < count; index++) {
      const task = yield* effection.spawn(work);
      sum += yield* task;
    }
    return sum;
  });
}

function one(): number {
  return 1;
}

// biome-ignore lint/correctness/useYield: an operation that ends at once is what it is for.
function* noPromise(): effection.Operation<number> {
  return 1;
}
