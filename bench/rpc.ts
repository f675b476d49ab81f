/**
 * JSON-RPC over TCP: requests answered a second, and the CPU time of the server
 * for each, which stays true where the load generator is the limit.
 *
 * Server and generator are processes of their own, one core each, new for every trial.
 */

import { cpus } from "node:os";
import { Child, canPin } from "./child.ts";
import { rotated, type Samples } from "./harness.ts";
import { compare, type Finding, quantile, type Section, summarize } from "./report.ts";
import type { FramingName } from "./rpc/framings.ts";
import type { LoadResult } from "./rpc/load.ts";
import type { Usage } from "./rpc/serving.ts";

export interface RpcEffort {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

interface Server {
  readonly name: string;
  readonly script: URL;
  readonly framing: FramingName;
}

interface Trial extends LoadResult {
  readonly serverShare: number;
  readonly serverMicroseconds: number;
  /** What processes other than server and generator took of the core that they took most of. */
  readonly foreignShare: number;
}

const connections = 50;
const serverCore = 0;
const generatorCore = 1;
/** A trial in which others took more of a core than this is made again, whoever's it was. */
const largestForeignShare = 0.1;
const maxAttempts = 4;
const servers: readonly Server[] = [
  { name: "node:net by hand", script: new URL("./rpc/raw-server.ts", import.meta.url), framing: "int32" },
  { name: "coppice", script: new URL("./rpc/coppice-server.ts", import.meta.url), framing: "int32" },
  { name: "jayson", script: new URL("./rpc/jayson-server.ts", import.meta.url), framing: "line" },
  {
    name: "vscode-jsonrpc",
    script: new URL("./rpc/vscode-jsonrpc-server.ts", import.meta.url),
    framing: "content-length",
  },
];

export async function benchRpc(inFlight: number, effort: RpcEffort): Promise<Section> {
  const trials = servers.map((): Trial[] => []);
  for (let round = 0; round < effort.rounds; round++) {
    for (const index of rotated([...servers.keys()], round)) {
      const server = servers[index] as Server;
      trials[index]?.push(await runUndisturbed(server, inFlight, effort));
    }
  }
  const column = (of: (trial: Trial) => number) =>
    servers.map(({ name }, index): Samples => ({ name, values: (trials[index] ?? []).map(of) }));
  const rates = column((trial) => trial.requestsPerSecond);
  const costs = column((trial) => trial.serverMicroseconds);
  return {
    title: `JSON-RPC over TCP, ${connections} connections, ${inFlight} in flight on each`,
    notes: [
      `The request {"method": "foo", ...} and its answer "ok"; each answer is replaced by a new request. ${pinning()}`,
      "`us/request` is the CPU time of the server process for one request: it does not depend on what the generator can give.",
      ...servers.map(({ name }, index) => shares(name, trials[index] ?? [])),
    ],
    absolutes: [
      ...rates.map((each) => summarize(each, "requests/s")),
      ...costs.map((each) => summarize({ ...each, name: `${each.name}, server CPU` }, "us/request")),
    ],
    comparisons: inFlight === 1 ? compareSingle(rates, costs) : comparePipelined(rates, costs),
  };
}

function comparePipelined(rates: readonly Samples[], costs: readonly Samples[]): Finding[] {
  const [raw, coppice, jayson, vscode] = rates as [Samples, Samples, Samples, Samples];
  return [
    compare("coppice / node:net by hand, requests/s", coppice, raw, { kind: "at least", limit: 0.6 }),
    compare("coppice / jayson, requests/s", coppice, jayson, { kind: "at least", limit: 5 }),
    compare("coppice / vscode-jsonrpc, requests/s", coppice, vscode, { kind: "at least", limit: 10 }),
    ...compareCosts(costs),
  ];
}

function compareSingle(rates: readonly Samples[], costs: readonly Samples[]): Finding[] {
  const [raw, coppice, jayson, vscode] = rates as [Samples, Samples, Samples, Samples];
  return [
    compare("coppice / node:net by hand, requests/s", coppice, raw, { kind: "at least", limit: 0.95 }),
    compare("coppice / jayson, requests/s", coppice, jayson),
    compare("coppice / vscode-jsonrpc, requests/s", coppice, vscode),
    ...compareCosts(costs),
  ];
}

/** The same comparisons by CPU time, turned so that more is better for coppice here too. */
function compareCosts(costs: readonly Samples[]): Finding[] {
  const [raw, coppice, jayson, vscode] = costs as [Samples, Samples, Samples, Samples];
  return [raw, jayson, vscode].map((other) =>
    compare(`coppice / ${other.name}, requests per CPU second`, other, coppice),
  );
}

/** The least disturbed of a few attempts: the first that was left alone ends them. */
async function runUndisturbed(server: Server, inFlight: number, effort: RpcEffort): Promise<Trial> {
  let best: Trial | undefined;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const trial = await runTrial(server, inFlight, effort);
    if (best === undefined || trial.foreignShare < best.foreignShare) best = trial;
    if (best.foreignShare <= largestForeignShare) break;
  }
  return best as Trial;
}

async function runTrial(server: Server, inFlight: number, effort: RpcEffort): Promise<Trial> {
  await using serving = new Child(server.script, { core: serverCore });
  const { port } = (await serving.next()) as { port: number };
  const args = [port, server.framing, connections, inFlight, effort.warmUpMs, effort.durationMs].map(String);
  await using load = new Child(new URL("./rpc/load.ts", import.meta.url), { core: generatorCore, args });
  await load.next();
  const before = (await serving.request("usage")) as Usage;
  const idleBefore = idleMs();
  const result = (await load.next()) as LoadResult;
  const idleAfter = idleMs();
  const after = (await serving.request("usage")) as Usage;
  const elapsedMs = after.atMs - before.atMs;
  const serverShare = (after.cpuMs - before.cpuMs) / elapsedMs;
  const foreign = (core: number, ownShare: number) =>
    1 - ownShare - ((idleAfter[core] ?? 0) - (idleBefore[core] ?? 0)) / elapsedMs;
  return {
    ...result,
    serverShare,
    serverMicroseconds: (serverShare * 1e6) / result.requestsPerSecond,
    foreignShare: canPin
      ? Math.max(0, foreign(serverCore, serverShare), foreign(generatorCore, result.generatorShare))
      : 0,
  };
}

function idleMs(): number[] {
  return cpus().map(({ times }) => times.idle);
}

function shares(name: string, trials: readonly Trial[]): string {
  const percent = (of: (trial: Trial) => number) => `${Math.round(100 * quantile(trials.map(of), 0.5))} %`;
  const ms = (of: (trial: Trial) => number) => quantile(trials.map(of), 0.5).toFixed(2);
  const [server, generator] = [percent((trial) => trial.serverShare), percent((trial) => trial.generatorShare)];
  const disturbed = trials.filter((trial) => trial.foreignShare > largestForeignShare).length;
  const others = disturbed === 0 ? "" : `; others took part of a core in ${disturbed} of ${trials.length} trials`;
  const latency = `${ms((trial) => trial.latencyMs.p50)} / ${ms((trial) => trial.latencyMs.p99)} ms`;
  return `  ${name}: server busy ${server} of a core, generator ${generator}; latency p50 / p99 ${latency}${others}`;
}

function pinning(): string {
  return canPin
    ? `Server on core ${serverCore}, generator on core ${generatorCore}.`
    : "Nothing is pinned to a core here.";
}
