/**
 * Measures contenders in interleaved rounds.
 *
 * Every round runs each contender once, in an order that rotates, so that a
 * noisy minute falls on all of them.
 */

import { Child } from "./child.ts";

const maxTrialMs = 10 * 60_000;

/** One thing to measure: `run` does the operation `count` times in a row. */
export interface Contender {
  readonly name: string;
  /** How often, where that matters to what is measured; by default as often as fills a trial. */
  readonly count?: number;
  run(count: number): Promise<unknown>;
}

/** The figures of one contender, one for each round. */
export interface Samples {
  readonly name: string;
  readonly values: readonly number[];
}

export interface Effort {
  /** How many fresh processes repeat the whole of it: V8 does not optimize the same way every time. */
  readonly processes: number;
  /** How many rounds each of them runs. */
  readonly rounds: number;
  /** How long each contender runs in a round. */
  readonly trialMs: number;
}

/** Measures the contenders that a module exports, in fresh processes one after the other. */
export async function measureInProcesses(module: URL, effort: Effort): Promise<Samples[]> {
  const valuesByName = new Map<string, number[]>();
  for (let index = 0; index < effort.processes; index++) {
    const args = [module.href, JSON.stringify(effort)];
    await using child = new Child(new URL("./trial.ts", import.meta.url), { args });
    for (const { name, values } of (await child.next(maxTrialMs)) as Samples[]) {
      const known = valuesByName.get(name);
      if (known === undefined) valuesByName.set(name, [...values]);
      else known.push(...values);
    }
  }
  return Array.from(valuesByName, ([name, values]) => ({ name, values }));
}

/** Nanoseconds an operation, for each contender and round, in this process. */
export async function measure(contenders: readonly Contender[], effort: Effort): Promise<Samples[]> {
  const prepared: { contender: Contender; count: number; values: number[] }[] = [];
  for (const contender of contenders) {
    prepared.push({ contender, count: await warmUp(contender, effort.trialMs), values: [] });
  }
  for (let round = 0; round < effort.rounds; round++) {
    for (const { contender, count, values } of rotated(prepared, round)) {
      await leadIn(contender, count);
      values.push((await elapsedMs(contender, count)) * (1e6 / count));
    }
  }
  return prepared.map(({ contender, values }) => ({ name: contender.name, values }));
}

export function rotated<T>(items: readonly T[], by: number): T[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

/** Runs the contender until it is warm, and says how often it is to run. */
async function warmUp(contender: Contender, trialMs: number): Promise<number> {
  if (contender.count === undefined) return await calibrate(contender, trialMs);
  await contender.run(contender.count);
  return contender.count;
}

/** Doubles the count until a run takes long enough to be believed; this is the warm-up too. */
async function calibrate(contender: Contender, trialMs: number): Promise<number> {
  const maxCount = 1e8;
  let count = 100;
  for (;;) {
    const tookMs = await elapsedMs(contender, count);
    if (tookMs >= trialMs / 2 || count >= maxCount) return Math.max(1, Math.round((count * trialMs) / tookMs));
    count *= 2;
  }
}

async function elapsedMs(contender: Contender, count: number): Promise<number> {
  const startedAt = performance.now();
  await contender.run(count);
  return performance.now() - startedAt;
}

/**
 * Runs a contender for a while unmeasured, so that it, and not the one before, has shaped the young generation
 * and left the timers that it is measured with. (A forced collection would shrink that generation, at the cost
 * of whoever comes next.)
 */
async function leadIn(contender: Contender, count: number): Promise<void> {
  await contender.run(Math.ceil(count / 4));
  await new Promise((resolve) => setImmediate(resolve));
}
