/** What many waits under one long-lived `AbortSignal` leave behind, each kind measured in a process of its own. */

import { Child } from "./child.ts";
import { rotated, type Samples } from "./harness.ts";
import { type Section, summarize } from "./report.ts";
import type { Left } from "./signal-waits.ts";

interface Kind {
  readonly kind: string;
  readonly name: string;
  readonly waitCount: number;
}

const kinds: readonly Kind[] = [
  { kind: "coppice", name: "coppice, abortable", waitCount: 1_000_000 },
  { kind: "listener", name: "a listener that is left on the signal", waitCount: 10_000 },
  { kind: "any", name: "AbortSignal.any of the signal", waitCount: 100_000 },
];
const maxTrialMs = 5 * 60_000;

export async function benchAbortable(rounds: number): Promise<Section> {
  const left = new Map(kinds.map(({ kind }) => [kind, [] as Left[]]));
  for (let round = 0; round < rounds; round++) {
    for (const kind of rotated(kinds, round)) left.get(kind.kind)?.push(await waitsOf(kind));
  }
  const samples = (what: string, of: (each: Left) => number) =>
    kinds.map(({ kind, name }): Samples => ({ name: `${name}: ${what}`, values: (left.get(kind) ?? []).map(of) }));
  const grown = samples("heap grown in all", (each) => each.grownBytes / 1e3);
  const listeners = samples("listeners on the signal", (each) => each.listenerCount);
  return {
    title: "A million waits under one long-lived signal",
    notes: [
      "One signal lives all along; each wait calls a function that puts a listener on the signal it is given, and forgets it there.",
      "Coppice: a million times `abortable(fn)` in a `run({ signal })`. By hand: 10,000 times with that signal itself (each is dearer than the one before), 100,000 times with `AbortSignal.any([signal])`.",
      "The heap is measured, after collecting garbage, once 1,000 waits are over, and again at the end.",
    ],
    absolutes: [
      ...samples("each wait", (each) => each.nanoseconds).map((each) => summarize(each, "ns")),
      ...grown.slice(1).map((each) => summarize(each, "kB")),
      ...listeners.slice(1).map((each) => summarize(each, "")),
    ],
    comparisons: [
      summarize(grown[0] as Samples, "kB", { kind: "at most", limit: 100 }),
      summarize(listeners[0] as Samples, "", { kind: "at most", limit: 1 }),
    ],
  };
}

async function waitsOf({ kind, waitCount }: Kind): Promise<Left> {
  const options = { nodeFlags: ["--expose-gc"], args: [kind, String(waitCount)] };
  await using child = new Child(new URL("./signal-waits.ts", import.meta.url), options);
  return (await child.next(maxTrialMs)) as Left;
}
