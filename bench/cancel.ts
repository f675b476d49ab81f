/** What cancelling a tree of waiting tasks costs each of them, each kind and size measured in processes of its own. */

import { Child } from "./child.ts";
import { rotated, type Samples } from "./harness.ts";
import { compare, type Section, samplesOf, summarize } from "./report.ts";

interface Crowd {
  readonly name: string;
  readonly kind: string;
  readonly leafCount: number;
}

interface Took {
  readonly elapsedUs: number;
  readonly busyUs: number;
}

const crowds: readonly Crowd[] = [
  { name: "AbortControllers and promises, tree of 100,000", kind: "raw-tree", leafCount: 100_000 },
  { name: "coppice, tree of 10,000", kind: "coppice-tree", leafCount: 10_000 },
  { name: "coppice, tree of 100,000", kind: "coppice-tree", leafCount: 100_000 },
  { name: "coppice, tree of 200,000", kind: "coppice-tree", leafCount: 200_000 },
  { name: "coppice, one group of 100,000", kind: "coppice-flat", leafCount: 100_000 },
  { name: "effect, tree of 100,000", kind: "effect", leafCount: 100_000 },
  { name: "effection, tree of 10,000", kind: "effection", leafCount: 10_000 },
];
const trialsOfProcess = 5;
const maxTrialMs = 5 * 60_000;

export async function benchCancel(rounds: number): Promise<Section> {
  const took = new Map(crowds.map(({ name }) => [name, [] as Took[]]));
  for (let round = 0; round < rounds; round++) {
    for (const crowd of rotated(crowds, round)) took.get(crowd.name)?.push(await cancelled(crowd));
  }
  const samples = crowds.map(
    ({ name }): Samples => ({ name, values: (took.get(name) ?? []).map((each) => each.busyUs) }),
  );
  const of = (name: string) => samplesOf(samples, name);
  const tree = of("coppice, tree of 100,000");
  const elapsed: Samples = {
    name: "coppice, tree of 100,000, elapsed",
    values: (took.get(tree.name) ?? []).map((each) => each.elapsedUs),
  };
  const target = { kind: "at most", limit: 2 } as const;
  return {
    title: "Cancelling a tree of tasks",
    notes: [
      "From the cancellation until every task has ended, its `finally` included, for each task. Leaves wait at depth 5, ten to a group; inner tasks count too.",
      "CPU time of the one thread that all of this runs on, which others on the cores do not lengthen as they do what has `elapsed`.",
      "Each figure is the median of five trees in a process that has cancelled five small ones before.",
      "By hand: an AbortController for each inner node, listening to the one above, and Promise.allSettled. Effect: interrupts the fiber at the top. Effection: halts it.",
    ],
    absolutes: [...samples, elapsed].map((each) => summarize(each, "us")),
    comparisons: [
      summarize(tree, "us", target),
      summarize(elapsed, "us", target),
      compare(
        "coppice, tree of 200,000 / of 10,000, each task",
        of("coppice, tree of 200,000"),
        of("coppice, tree of 10,000"),
        { kind: "at most", limit: 1.5 },
      ),
      compare("coppice / AbortControllers and promises", tree, of("AbortControllers and promises, tree of 100,000")),
      compare("effect / coppice", of("effect, tree of 100,000"), tree),
      compare("effection, 10,000 / coppice, 10,000", of("effection, tree of 10,000"), of("coppice, tree of 10,000")),
    ],
  };
}

async function cancelled({ kind, leafCount }: Crowd): Promise<Took> {
  const args = [kind, String(leafCount), String(trialsOfProcess)];
  await using child = new Child(new URL("./cancelled.ts", import.meta.url), { args });
  return (await child.next(maxTrialMs)) as Took;
}
