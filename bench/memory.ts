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

export async function benchMemory(rounds: number): Promise<Section> {
  const values = new Map(kinds.map(({ kind }) => [kind, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const kind of rotated(kinds, round)) values.get(kind.kind)?.push(await bytesPerTask(kind));
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

async function bytesPerTask({ kind, taskCount }: Kind): Promise<number> {
  const options = { nodeFlags: ["--expose-gc"], args: [kind, String(taskCount)] };
  await using child = new Child(new URL("./parked.ts", import.meta.url), options);
  const answer = (await child.next()) as { bytesPerTask: number };
  return answer.bytesPerTask;
}
