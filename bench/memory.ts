/** What a parked task holds on the heap, each kind measured in processes of its own. */

import { Child } from "./child.ts";
import { rotated, type Samples } from "./harness.ts";
import { compare, type Section, summarize } from "./report.ts";

interface Kind {
  readonly kind: string;
  readonly name: string;
  readonly taskCount: number;
}

const kinds: readonly Kind[] = [
  { kind: "raw", name: "raw async function on a promise", taskCount: 100_000 },
  { kind: "coppice", name: "coppice task on a promise", taskCount: 100_000 },
  { kind: "event", name: "coppice task on an Event", taskCount: 100_000 },
  { kind: "event-direct", name: "coppice task on an Event, no async function", taskCount: 100_000 },
  { kind: "effect", name: "effect fiber on a promise", taskCount: 50_000 },
  { kind: "effection", name: "effection task on a promise", taskCount: 20_000 },
];

const million: readonly Kind[] = [
  { kind: "raw", name: "raw async functions on promises", taskCount: 1_000_000 },
  { kind: "coppice", name: "coppice tasks on promises", taskCount: 1_000_000 },
  { kind: "event", name: "coppice tasks on an Event", taskCount: 1_000_000 },
  { kind: "event-direct", name: "coppice tasks on an Event, no async function", taskCount: 1_000_000 },
];

interface Parked {
  readonly bytesPerTask: number;
  /** What V8 has reserved. */
  readonly heapBytes: number;
  /** What the system has given to the process. */
  readonly residentBytes: number;
}

export async function benchMemory(rounds: number): Promise<Section> {
  const values = new Map(kinds.map(({ kind }) => [kind, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const kind of rotated(kinds, round)) values.get(kind.kind)?.push((await parked(kind)).bytesPerTask);
  }
  const samples = kinds.map(({ kind, name }): Samples => ({ name, values: values.get(kind) ?? [] }));
  const [raw, coppice, event, direct, effect, effection] = samples as [
    Samples,
    Samples,
    Samples,
    Samples,
    Samples,
    Samples,
  ];
  const target = { kind: "at most", limit: 1_000 } as const;
  return {
    title: "Heap of a parked task",
    notes: [
      "Bytes a task, with everything it waits on and its handle, while 100,000 of them are parked (effect: 50,000; effection: 20,000).",
      "On a promise: an async function that awaits a promise of its own. On an Event: one that awaits `event.wait()`, the same Event for all;",
      "with no async function, the task is `() => event.wait()`.",
    ],
    absolutes: samples.map((each) => summarize(each, "bytes")),
    comparisons: [
      summarize(coppice, "bytes", target),
      summarize(event, "bytes", target),
      summarize(direct, "bytes"),
      compare("coppice / raw, on a promise", coppice, raw),
      compare("effect / coppice, on a promise", effect, coppice),
      compare("effection / coppice, on a promise", effection, coppice),
    ],
  };
}

export async function benchMillion(rounds: number): Promise<Section> {
  const results = new Map(million.map(({ kind }) => [kind, [] as Parked[]]));
  for (let round = 0; round < rounds; round++) {
    for (const kind of rotated(million, round)) results.get(kind.kind)?.push(await parked(kind));
  }
  const samples = (what: string, of: (each: Parked) => number) =>
    million.map(({ kind, name }): Samples => ({ name: `${name}: ${what}`, values: (results.get(kind) ?? []).map(of) }));
  const heap = samples("heap", (each) => each.heapBytes / 1e6);
  const process = samples("process", (each) => each.residentBytes / 1e6);
  const target = { kind: "at most", limit: 1_200 } as const;
  return {
    title: "A million parked tasks",
    notes: [
      "Megabytes (of 1,000,000 bytes) after collecting garbage: the heap, with what V8 keeps free in it; and the whole process as the system sees it,",
      "Node.js and the sources of the benchmark included, and what V8 has not given back yet, which differs from run to run.",
    ],
    absolutes: [heap, process].flatMap((each) => each.slice(0, 1)).map((each) => summarize(each, "MB")),
    comparisons: [...heap.slice(1), ...process.slice(1)].map((each) => summarize(each, "MB", target)),
  };
}

async function parked({ kind, taskCount }: Kind): Promise<Parked> {
  const options = { nodeFlags: ["--expose-gc"], args: [kind, String(taskCount)] };
  await using child = new Child(new URL("./parked.ts", import.meta.url), options);
  return (await child.next()) as Parked;
}
