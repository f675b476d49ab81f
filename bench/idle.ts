/** What 10,000 connections that say nothing cost a server: memory for each, streams and protocols beside `node:net` by hand. */

import { Child } from "./child.ts";
import { byHand, echoServers, pythonIsThere, type Server, theirEchoServers } from "./echo.ts";
import { rotated, type Samples } from "./harness.ts";
import { buildPackage } from "./package-build.ts";
import { compare, type Section, samplesOf, summarize } from "./report.ts";
import { ServerProcess } from "./server-process.ts";

const connections = 10_000;

interface Memory {
  readonly bytesEach: number;
  /** Of JavaScript's heap, where the server is one of Node.js. */
  readonly heapEach: number;
}

export async function benchIdle(rounds: number): Promise<Section> {
  buildPackage();
  const servers = pythonIsThere() ? [...echoServers, ...theirEchoServers] : echoServers;
  const results = servers.map((): Memory[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const index of rotated([...servers.keys()], round)) results[index]?.push(await idle(servers[index] as Server));
  }
  const column = (of: (memory: Memory) => number) =>
    servers.map(({ name }, index): Samples => ({ name, values: (results[index] ?? []).map(of) }));
  const resident = column(({ bytesEach }) => bytesEach);
  const heap = column(({ heapEach }) => heapEach).filter(({ values }) => values.every((value) => value > 0));
  return {
    title: `${connections.toLocaleString("en-US")} idle connections`,
    notes: [
      "Bytes of memory that the server's process has more for each connection; and of those, what JavaScript's heap has grown by, after collecting garbage.",
      "Every connection has sent one message and has it back. What the kernel of the system holds for a socket is not counted.",
    ],
    absolutes: [
      ...resident.map((each) => summarize(each, "bytes")),
      ...heap.map((each) => summarize({ ...each, name: `${each.name}: heap` }, "bytes")),
    ],
    comparisons: [
      ...resident.slice(1).map((each) => compare(`${each.name} / ${byHand}`, each, samplesOf(resident, byHand))),
      ...heap.slice(1).map((each) => compare(`${each.name} / ${byHand}: heap`, each, samplesOf(heap, byHand))),
    ],
  };
}

async function idle(server: Server): Promise<Memory> {
  await using serving = await ServerProcess.start(server.command, 0);
  const connect = async (count: number) => {
    const load = new Child(new URL("./echo/idle-client.ts", import.meta.url), {
      core: 1,
      args: [serving.port, count].map(String),
    });
    await load.next(120_000);
    return load;
  };
  // A few first, so that what is made once is not charged to the many.
  await using _few = await connect(100);
  const before = [serving.residentBytes(), (await serving.heapBytes()) ?? 0] as const;
  await using _many = await connect(connections);
  const heap = (await serving.heapBytes()) ?? 0;
  return {
    bytesEach: (serving.residentBytes() - before[0]) / connections,
    heapEach: (heap - before[1]) / connections,
  };
}
