/**
 * Echo over TCP: messages returned a second, streams and protocols on each loop, beside `node:net` by hand and beside servers in Python.
 *
 * Server and generator are processes of their own, one core each, new for every trial. The servers run the built package.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import type { EchoLoad } from "./echo/load.ts";
import { rotated, type Samples } from "./harness.ts";
import { buildPackage } from "./package-build.ts";
import { compare, type Finding, quantile, type Section, samplesOf, summarize } from "./report.ts";
import type { RpcEffort } from "./rpc.ts";
import { ServerProcess } from "./server-process.ts";

const connections = 50;
const serverCore = 0;
const generatorCore = 1;
/** Debian's packages of uvloop and Trio are of this one. */
const python = "/usr/bin/python3";

export interface Server {
  readonly name: string;
  readonly command: readonly string[];
}

interface Trial extends EchoLoad {
  readonly serverShare: number;
  readonly serverMicroseconds: number;
}

export const byHand = "node:net by hand";
const byHandAlone = `${byHand}, nothing else loaded`;
const streams = "coppice, streams";
const protocols = "coppice, protocols";
const onSelector = "on SelectorLoop";

function nodeServer(name: string, script: string, ...args: string[]): Server {
  const file = fileURLToPath(new URL(`./echo/${script}`, import.meta.url));
  return { name, command: [process.execPath, "--expose-gc", file, ...args] };
}

function pythonServer(name: string, kind: string): Server {
  return { name, command: [python, fileURLToPath(new URL("./echo/server.py", import.meta.url)), kind] };
}

export const echoServers: readonly Server[] = [
  nodeServer(byHand, "raw-server.ts", "loaded"),
  nodeServer(byHandAlone, "raw-server.ts"),
  nodeServer(streams, "streams-server.ts", "node"),
  nodeServer(protocols, "protocol-server.ts", "node"),
  nodeServer(`${streams} ${onSelector}`, "streams-server.ts", "selector"),
  nodeServer(`${protocols} ${onSelector}`, "protocol-server.ts", "selector"),
];
export const theirEchoServers: readonly Server[] = [
  pythonServer("asyncio, streams", "asyncio-streams"),
  pythonServer("asyncio, protocols", "asyncio-protocols"),
  pythonServer("uvloop, streams", "uvloop-streams"),
  pythonServer("uvloop, protocols", "uvloop-protocols"),
  pythonServer("trio, streams", "trio"),
];

const shapes = [
  { title: "64 B, ping-pong", messageBytes: 64, inFlight: 1 },
  { title: "64 B, pipelined, 32 in flight", messageBytes: 64, inFlight: 32 },
  { title: "16 KiB, ping-pong", messageBytes: 16 * 1024, inFlight: 1 },
  { title: "16 KiB, pipelined, 4 in flight", messageBytes: 16 * 1024, inFlight: 4 },
] as const;
type Shape = (typeof shapes)[number];

export async function benchEcho(effort: RpcEffort): Promise<Section[]> {
  buildPackage();
  const hasPython = pythonIsThere();
  const servers = hasPython ? [...echoServers, ...theirEchoServers] : echoServers;
  const missing = hasPython
    ? []
    : ["Without the Python servers: Debian's python3-uvloop and python3-trio are not installed."];
  const sections: Section[] = [];
  for (const shape of shapes) sections.push(await benchShape(shape, servers, effort, missing));
  return sections;
}

export function pythonIsThere(): boolean {
  return spawnSync(python, ["-c", "import uvloop, trio"]).status === 0;
}

async function benchShape(
  shape: Shape,
  servers: readonly Server[],
  effort: RpcEffort,
  notes: readonly string[],
): Promise<Section> {
  const trials = servers.map((): Trial[] => []);
  for (let round = 0; round < effort.rounds; round++) {
    for (const index of rotated([...servers.keys()], round)) {
      trials[index]?.push(await runTrial(servers[index] as Server, shape, effort));
    }
  }
  const column = (of: (trial: Trial) => number) =>
    servers.map(({ name }, index): Samples => ({ name, values: (trials[index] ?? []).map(of) }));
  const rates = column((trial) => trial.messagesPerSecond);
  const costs = column((trial) => trial.serverMicroseconds);
  return {
    title: `Echo over TCP, ${connections} connections, ${shape.title}`,
    notes: [
      ...notes,
      "The server by hand has the same modules loaded as the others, so that they share the limits of the garbage collector; one that has not is shown, too.",
      "`us/message` is the CPU time of the server process for one message: it does not depend on what the generator can give.",
      ...servers.map(({ name }, index) => shares(name, trials[index] ?? [])),
    ],
    absolutes: [
      ...rates.map((each) => summarize(each, "messages/s")),
      ...costs.map((each) => summarize({ ...each, name: `${each.name}, server CPU` }, "us/message")),
    ],
    comparisons: comparisons(rates, costs),
  };
}

function comparisons(rates: readonly Samples[], costs: readonly Samples[]): Finding[] {
  const raw = samplesOf(rates, byHand);
  const rawCost = samplesOf(costs, byHand);
  const limits = new Map([
    [streams, 0.9],
    [protocols, 1.0],
  ]);
  return rates.slice(1).flatMap((each) => {
    const limit = limits.get(each.name);
    const isOurs = each.name.startsWith("coppice");
    return [
      ...(isOurs ? [compare(`${each.name} / ${byHandAlone}, messages/s`, each, samplesOf(rates, byHandAlone))] : []),
      compare(
        `${each.name} / ${byHand}, messages/s`,
        each,
        raw,
        limit === undefined ? undefined : { kind: "at least", limit },
      ),
      compare(`${each.name} / ${byHand}, messages per CPU second`, rawCost, samplesOf(costs, each.name)),
    ];
  });
}

async function runTrial(server: Server, shape: Shape, effort: RpcEffort): Promise<Trial> {
  await using serving = await ServerProcess.start(server.command, serverCore);
  const numbers = [serving.port, connections, shape.messageBytes, shape.inFlight, effort.warmUpMs, effort.durationMs];
  await using load = new Child(new URL("./echo/load.ts", import.meta.url), {
    core: generatorCore,
    args: numbers.map(String),
  });
  await load.next();
  const [cpuBefore, startedAt] = [serving.cpuMs(), performance.now()];
  const result = (await load.next()) as EchoLoad;
  const serverShare = (serving.cpuMs() - cpuBefore) / (performance.now() - startedAt);
  return { ...result, serverShare, serverMicroseconds: (serverShare * 1e6) / result.messagesPerSecond };
}

function shares(name: string, trials: readonly Trial[]): string {
  const percent = (of: (trial: Trial) => number) => `${Math.round(100 * quantile(trials.map(of), 0.5))} %`;
  const ms = (of: (trial: Trial) => number) => quantile(trials.map(of), 0.5).toFixed(2);
  const [server, generator] = [percent((trial) => trial.serverShare), percent((trial) => trial.generatorShare)];
  const latency = `${ms((trial) => trial.latencyMs.p50)} / ${ms((trial) => trial.latencyMs.p99)} ms`;
  return `  ${name}: server busy ${server} of a core, generator ${generator}; latency p50 / p99 ${latency}`;
}
