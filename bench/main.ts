/**
 * Runs the benchmarks and prints what they found.
 *
 *     node bench/main.ts [--quick] [--only NAME] [--json FILE]
 *
 * It is a report: a missed target ends with status 0, a run that failed does not.
 */

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { Effort } from "./harness.ts";
import { printSection, type Section, verdict } from "./report.ts";
import type { RpcEffort } from "./rpc.ts";

const names = [
  "tasks",
  "channels",
  "locks",
  "timers",
  "map",
  "cancel",
  "abortable",
  "memory",
  "rpc",
  "echo",
  "idle",
] as const;
type Name = (typeof names)[number];

const { values: options } = parseArgs({
  options: { quick: { type: "boolean" }, only: { type: "string" }, json: { type: "string" } },
});
const effort: Effort = options.quick
  ? { processes: 1, rounds: 5, trialMs: 40 }
  : { processes: 4, rounds: 5, trialMs: 120 };
/** Of the sections that take a process for each figure. */
const processRounds = options.quick ? 1 : 3;
const rpcEffort: RpcEffort = options.quick
  ? { rounds: 1, warmUpMs: 500, durationMs: 700 }
  : { rounds: 5, warmUpMs: 1_000, durationMs: 2_000 };

// Loaded on demand: what one section imports must not weigh on another.
const sections: Record<Name, () => Promise<Section[]>> = {
  tasks: async () => [await (await import("./tasks.ts")).benchTasks(effort)],
  channels: async () => [await (await import("./channels.ts")).benchChannels(effort)],
  locks: async () => [await (await import("./locks.ts")).benchLocks(effort)],
  timers: async () => [
    await (await import("./timers.ts")).benchTimers(effort),
    await (await import("./million-timers.ts")).benchMillionTimers(processRounds),
  ],
  map: async () => [await (await import("./map.ts")).benchMap(effort)],
  cancel: async () => [await (await import("./cancel.ts")).benchCancel(processRounds)],
  abortable: async () => [await (await import("./abortable.ts")).benchAbortable(processRounds)],
  memory: async () => {
    const { benchMemory, benchMillion } = await import("./memory.ts");
    return [await benchMemory(processRounds), await benchMillion(processRounds)];
  },
  rpc: async () => {
    const { benchRpc } = await import("./rpc.ts");
    return [await benchRpc(32, rpcEffort), await benchRpc(1, rpcEffort)];
  },
  echo: async () => (await import("./echo.ts")).benchEcho(rpcEffort),
  idle: async () => [await (await import("./idle.ts")).benchIdle(processRounds)],
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
