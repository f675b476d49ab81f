/**
 * Runs the benchmarks and prints what they found.
 *
 *     node bench/main.ts [--quick] [--only tasks|channels|memory|rpc] [--json FILE]
 *
 * It is a report: a missed target ends with status 0, a run that failed does not.
 */

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { Effort } from "./harness.ts";
import { printSection, type Section, verdict } from "./report.ts";
import type { RpcEffort } from "./rpc.ts";

const names = ["tasks", "channels", "memory", "rpc"] as const;
type Name = (typeof names)[number];

const { values: options } = parseArgs({
  options: { quick: { type: "boolean" }, only: { type: "string" }, json: { type: "string" } },
});
const effort: Effort = options.quick
  ? { processes: 1, rounds: 5, trialMs: 40 }
  : { processes: 4, rounds: 5, trialMs: 120 };
const memoryRounds = options.quick ? 1 : 3;
const rpcEffort: RpcEffort = options.quick
  ? { rounds: 1, warmUpMs: 500, durationMs: 700 }
  : { rounds: 5, warmUpMs: 1_000, durationMs: 2_000 };

// Loaded on demand: what one section imports must not weigh on another.
const sections: Record<Name, () => Promise<Section[]>> = {
  tasks: async () => [await (await import("./tasks.ts")).benchTasks(effort)],
  channels: async () => [await (await import("./channels.ts")).benchChannels(effort)],
  memory: async () => [await (await import("./memory.ts")).benchMemory(memoryRounds)],
  rpc: async () => {
    const { benchRpc } = await import("./rpc.ts");
    return [await benchRpc(32, rpcEffort), await benchRpc(1, rpcEffort)];
  },
};

function chosen(): readonly Name[] {
  if (options.only === undefined) return names;
  const name = names.find((each) => each === options.only);
  if (name === undefined) throw new RangeError(`--only ${options.only}: use one of ${names.join(", ")}`);
  return [name];
}

console.log(
  `Node ${process.version}, ${process.arch}, ${availableParallelism()} cores${options.quick ? ", quick" : ""}`,
);
const done: Section[] = [];
for (const name of chosen()) {
  for (const section of await sections[name]()) {
    printSection(section);
    done.push(section);
  }
}
const judged = done.flatMap((section) => section.comparisons).filter((finding) => finding.target !== undefined);
const missed = judged.filter((finding) => verdict(finding) === "MISS");
console.log(`\n${judged.length - missed.length} of ${judged.length} targets met.`);
for (const { what } of missed) console.log(`  MISS  ${what}`);
if (options.json !== undefined) {
  const report = done.map((section) => ({
    ...section,
    comparisons: section.comparisons.map((finding) => ({ ...finding, verdict: verdict(finding) })),
  }));
  writeFileSync(options.json, `${JSON.stringify({ node: process.version, sections: report }, undefined, 2)}\n`);
}
process.exit();
