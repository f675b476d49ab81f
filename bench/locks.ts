/**
 * What it costs to take a lock or a permit and to give it back: where it is free, and where somebody always waits for it.
 *
 * Everyone runs the same tasks: each of them acquires and releases, again and again, and does nothing in between. The tasks
 * line up while the first permit is taken, so that from then on each release hands over to another task.
 */

import { checkpoint, Lock, run, Semaphore, taskGroup } from "coppice";
import { Effect, Semaphore as EffectSemaphore, Fiber } from "effect";
import * as effection from "effection";
import { type Contender, type Effort, measureInProcesses } from "./harness.ts";
import { compare, type Section, samplesOf, summarize } from "./report.ts";

/** A semaphore of promises, as anybody would write it by hand. One permit makes it a lock. */
class PromiseSemaphore {
  #freeCount: number;
  readonly #waiting: (() => void)[] = [];

  constructor(permits: number) {
    this.#freeCount = permits;
  }

  acquire(): Promise<void> {
    if (this.#freeCount > 0) {
      this.#freeCount--;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#freeCount++;
    else next();
  }
}

/** The same of effection's own parts, as it brings none. */
class OperationSemaphore {
  #freeCount: number;
  readonly #waiting: (() => void)[] = [];

  constructor(permits: number) {
    this.#freeCount = permits;
  }

  *acquire(): effection.Operation<void> {
    if (this.#freeCount > 0) {
      this.#freeCount--;
      return;
    }
    const turn = effection.withResolvers<void>();
    this.#waiting.push(turn.resolve);
    yield* turn.operation;
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#freeCount++;
    else next();
  }
}

interface Situation {
  readonly name: string;
  readonly permits: number;
  readonly tasks: number;
}

const situations: readonly Situation[] = [
  { name: "free", permits: 1, tasks: 1 },
  { name: "2 tasks", permits: 1, tasks: 2 },
  { name: "64 tasks", permits: 1, tasks: 64 },
  { name: "4 permits, 64 tasks", permits: 4, tasks: 64 },
];

export const contenders: readonly Contender[] = situations.flatMap((situation): Contender[] => {
  const { name, permits } = situation;
  return [
    { name: `by hand, ${name}`, run: (count) => rawTurns(situation, count) },
    ...(permits === 1
      ? [{ name: `coppice Lock, ${name}`, run: (count: number) => coppiceTurns(new Lock(), situation, count) }]
      : []),
    {
      name: `coppice Semaphore, ${name}`,
      run: (count) => coppiceTurns(new Semaphore(permits), situation, count),
    },
    { name: `effect, ${name}`, run: (count) => effectTurns(situation, count) },
    { name: `effection, ${name}`, run: (count) => effectionTurns(situation, count) },
  ];
});

export async function benchLocks(effort: Effort): Promise<Section> {
  const samples = await measureInProcesses(new URL(import.meta.url), effort);
  const of = (name: string) => samplesOf(samples, name);
  return {
    title: "A lock or a permit, taken and given back",
    notes: [
      "Free: one task alone. Otherwise tasks that line up for one permit, or for four, and each release hands over to the next.",
      "By hand: a count and an array of resolvers; it cannot be cancelled. Coppice: `using _ = await lock.acquire()`, or of a semaphore.",
      "Effect: `withPermit` around an effect that does nothing. Effection has no lock: the one by hand, made of `withResolvers`, in try/finally.",
    ],
    absolutes: samples.map((each) => summarize(each, "ns")),
    comparisons: situations.flatMap(({ name, permits }) => {
      const kinds = permits === 1 ? ["coppice Lock", "coppice Semaphore"] : ["coppice Semaphore"];
      const first = of(`${kinds[0]}, ${name}`);
      return [
        ...kinds.map((kind) => compare(`${kind} / by hand, ${name}`, of(`${kind}, ${name}`), of(`by hand, ${name}`))),
        compare(`effect / ${kinds[0]}, ${name}`, of(`effect, ${name}`), first),
        compare(`effection / ${kinds[0]}, ${name}`, of(`effection, ${name}`), first),
      ];
    }),
  };
}

async function rawTurns({ permits, tasks }: Situation, count: number): Promise<void> {
  const semaphore = new PromiseSemaphore(permits);
  const turns = Math.ceil(count / tasks);
  const worker = async () => {
    for (let turn = 0; turn < turns; turn++) {
      await semaphore.acquire();
      semaphore.release();
    }
  };
  for (let permit = 0; permit < permits; permit++) await semaphore.acquire();
  const workers = Array.from({ length: tasks }, worker);
  for (let permit = 0; permit < permits; permit++) semaphore.release();
  await Promise.all(workers);
}

async function coppiceTurns(lock: Lock | Semaphore, { permits, tasks }: Situation, count: number): Promise<void> {
  const turns = Math.ceil(count / tasks);
  await run(() =>
    taskGroup(async (group) => {
      for (let permit = 0; permit < permits; permit++) await lock.acquire();
      for (let task = 0; task < tasks; task++) {
        group.spawn(async () => {
          for (let turn = 0; turn < turns; turn++) {
            using _ = await lock.acquire();
          }
        });
      }
      await checkpoint();
      for (let permit = 0; permit < permits; permit++) lock.release();
    }),
  );
}

async function effectTurns({ permits, tasks }: Situation, count: number): Promise<void> {
  const turns = Math.ceil(count / tasks);
  await Effect.runPromise(
    Effect.gen(function* () {
      const semaphore = yield* EffectSemaphore.make(permits);
      const turn = semaphore.withPermit(Effect.void);
      const worker = Effect.gen(function* () {
        for (let index = 0; index < turns; index++) yield* turn;
      });
      yield* semaphore.take(permits);
      const workers: Fiber.Fiber<void>[] = [];
      for (let task = 0; task < tasks; task++) workers.push(yield* Effect.forkChild(worker));
      yield* Effect.yieldNow;
      yield* semaphore.release(permits);
      yield* Fiber.joinAll(workers);
    }),
  );
}

async function effectionTurns({ permits, tasks }: Situation, count: number): Promise<void> {
  const turns = Math.ceil(count / tasks);
  await effection.run(function* () {
    const semaphore = new OperationSemaphore(permits);
    const worker = function* () {
      for (let turn = 0; turn < turns; turn++) {
        yield* semaphore.acquire();
        try {
          // Nothing to do while it is held.
        } finally {
          semaphore.release();
        }
      }
    };
    for (let permit = 0; permit < permits; permit++) yield* semaphore.acquire();
    const workers: effection.Task<void>[] = [];
    for (let task = 0; task < tasks; task++) workers.push(yield* effection.spawn(worker));
    yield* effection.sleep(0);
    for (let permit = 0; permit < permits; permit++) semaphore.release();
    for (const task of workers) yield* task;
  });
}
