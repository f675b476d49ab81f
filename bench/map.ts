/**
 * What `map` costs for each item: 100,000 items, 64 at a time.
 *
 * Everyone maps with the same async function, which awaits once. Effection takes fewer items, as each costs it so much more.
 */

import { map, run } from "coppice";
import { Effect } from "effect";
import * as effection from "effection";
import pMap from "p-map";
import { type Contender, type Effort, measureInProcesses } from "./harness.ts";
import { compare, type Section, samplesOf, summarize } from "./report.ts";

const itemCount = 100_000;
const fewItems = 10_000;
const concurrency = 64;

async function addOne(item: number): Promise<number> {
  await undefined;
  return item + 1;
}

export const contenders: readonly Contender[] = [
  { name: "64 loops over one iterator", count: itemCount, run: (count) => checked(count, rawMap) },
  { name: "Promise.all, all at once", count: itemCount, run: (count) => checked(count, rawAll) },
  { name: "p-map", count: itemCount, run: (count) => checked(count, pMapMap) },
  { name: "coppice, map", count: itemCount, run: (count) => checked(count, coppiceMap) },
  { name: "effect, forEach", count: itemCount, run: (count) => checked(count, effectMap) },
  { name: "effection, 64 tasks over one iterator", count: fewItems, run: (count) => checked(count, effectionMap) },
];

export async function benchMap(effort: Effort): Promise<Section> {
  const samples = await measureInProcesses(new URL(import.meta.url), effort);
  const of = (name: string) => samplesOf(samples, name);
  const coppice = of("coppice, map");
  return {
    title: "map over 100,000 items, 64 at a time",
    notes: [
      "Figures are for one item; the function is async and awaits once. Promise.all has no bound: all items are in flight.",
      "Coppice, p-map and effect (`forEach` of `promise(fn)`) with `concurrency: 64`. Effection has no bounded map: 64 tasks that share an iterator, over 10,000 items.",
    ],
    absolutes: samples.map((each) => summarize(each, "ns")),
    comparisons: [
      compare("coppice, map / 64 loops over one iterator", coppice, of("64 loops over one iterator")),
      compare("coppice, map / Promise.all", coppice, of("Promise.all, all at once")),
      compare("p-map / coppice, map", of("p-map"), coppice),
      compare("effect, forEach / coppice, map", of("effect, forEach"), coppice),
      compare("effection, 64 tasks / coppice, map", of("effection, 64 tasks over one iterator"), coppice),
    ],
  };
}

type MapItems = (items: readonly number[]) => Promise<readonly number[]>;

async function checked(count: number, mapItems: MapItems): Promise<void> {
  const results = await mapItems(Array.from({ length: count }, (_, index) => index));
  if (results.length !== count || results.at(-1) !== count) throw new Error("a result is missing");
}

async function rawMap(items: readonly number[]): Promise<number[]> {
  const results = new Array<number>(items.length);
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) results[index] = await addOne(item);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}

async function rawAll(items: readonly number[]): Promise<number[]> {
  return await Promise.all(items.map(addOne));
}

async function pMapMap(items: readonly number[]): Promise<number[]> {
  return await pMap(items, addOne, { concurrency });
}

async function coppiceMap(items: readonly number[]): Promise<number[]> {
  return await run(() => map(items, addOne, { concurrency }));
}

async function effectMap(items: readonly number[]): Promise<number[]> {
  return await Effect.runPromise(Effect.forEach(items, (item) => Effect.promise(() => addOne(item)), { concurrency }));
}

async function effectionMap(items: readonly number[]): Promise<number[]> {
  return await effection.run(function* () {
    const results = new Array<number>(items.length);
    const entries = items.entries();
    const worker = function* () {
      for (const [index, item] of entries) results[index] = yield* effection.call(() => addOne(item));
    };
    const workers: effection.Task<void>[] = [];
    for (let index = 0; index < concurrency; index++) workers.push(yield* effection.spawn(worker));
    for (const task of workers) yield* task;
    return results;
  });
}
