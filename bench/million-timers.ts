/** A million timers at once: what arming, cancelling and firing costs each, every kind in processes of its own. */

import { Child } from "./child.ts";
import { rotated, type Samples } from "./harness.ts";
import { compare, type Finding, type Section, samplesOf, summarize } from "./report.ts";

export interface TimerCosts {
  readonly armNs: number;
  readonly cancelNs: number;
  /** CPU time from the arming of the last until the last has fired. */
  readonly fireNs: number;
  /** Of the heap, with the closure that cancels it. */
  readonly bytes: number;
}

const count = 1_000_000;
const byHand = "setTimeout";
const ofLoop = "coppice, callAt of the loop";
const kinds = [
  { name: byHand, kind: "raw" },
  { name: ofLoop, kind: "port" },
  { name: "coppice, callLater of EventLoop", kind: "call-later" },
] as const;

const steps: readonly { readonly what: string; readonly unit: string; readonly of: (costs: TimerCosts) => number }[] = [
  { what: "arm", unit: "ns", of: ({ armNs }) => armNs },
  { what: "cancel", unit: "ns", of: ({ cancelNs }) => cancelNs },
  { what: "fire", unit: "ns of CPU", of: ({ fireNs }) => fireNs },
  { what: "heap", unit: "bytes", of: ({ bytes }) => bytes },
];

export async function benchMillionTimers(rounds: number): Promise<Section> {
  const results = new Map(kinds.map(({ kind }) => [kind, [] as TimerCosts[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { kind } of rotated(kinds, round)) {
      await using child = new Child(new URL("./armed-timers.ts", import.meta.url), {
        args: [kind, String(count)],
        nodeFlags: ["--expose-gc"],
      });
      results.get(kind)?.push((await child.next(120_000)) as TimerCosts);
    }
  }
  const absolutes: Finding[] = [];
  const comparisons: Finding[] = [];
  for (const { what, unit, of } of steps) {
    const samples = kinds.map(({ name, kind }): Samples => ({ name, values: (results.get(kind) ?? []).map(of) }));
    absolutes.push(...samples.map((each) => summarize({ ...each, name: `${each.name}: ${what}` }, unit)));
    for (const each of samples.slice(1)) {
      comparisons.push(compare(`${each.name} / ${byHand}, ${what}`, each, samplesOf(samples, byHand)));
    }
  }
  return {
    title: "A million timers at once",
    notes: [
      "Due at 1,000,000 different times within a second; armed in no order, then cancelled; armed again, then fired.",
      "`setTimeout` counts whole milliseconds and keeps a list for each, so it has 1,000 lists here. `heap` counts the closure that cancels, too.",
    ],
    absolutes,
    comparisons,
  };
}
