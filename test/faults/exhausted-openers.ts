/** Opens one of everything: first without a free descriptor, then with plenty. Prints how each went, and at the end how many are left open. */
import { closeSync, openSync, readdirSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { run } from "coppice";
import { SelectorLoop } from "coppice/loop";
import { listen, listenUnix, openTcp, openTls, openUdp, openUnix } from "coppice/net";
import { openProcess, runPipeline, runProcess } from "coppice/process";
import { Selector, Socket, socketPair } from "coppice/selector";

type Closable = { close(): unknown };

const path = `/tmp/coppice-exhausted-${process.pid}`;
const held: number[] = [];

function exhaust(): void {
  try {
    for (;;) held.push(openSync("/dev/null", "r"));
  } catch {
    // That was the last one.
  }
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

async function onSelectorLoop(open: () => Promise<Closable>): Promise<void> {
  using loop = new SelectorLoop();
  await run(async () => (await open()).close(), { loop });
}

function openersFor(port: number): Record<string, () => unknown> {
  return {
    openTcp: () => run(() => openTcp({ port })),
    openTls: () => run(() => openTls({ port, serverName: "localhost", handshakeTimeoutMs: 500 })),
    openUnix: () => run(() => openUnix({ path })),
    listen: () => run(() => listen({ port: 0 })),
    listenUnix: () => run(() => listenUnix({ path: `${path}-new` })),
    openUdp: () => run(() => openUdp()),
    "openUdp with a peer": () => run(() => openUdp({ remote: { host: "127.0.0.1", port } })),
    openProcess: () => run(() => openProcess(["true"])),
    runProcess: () => run(async () => void (await runProcess(["true"]))),
    runPipeline: () => run(async () => void (await runPipeline([["true"], ["true"]]))),
    "listen on a SelectorLoop": () => onSelectorLoop(() => listen({ port: 0 })),
    "openTcp on a SelectorLoop": () => onSelectorLoop(() => openTcp({ port })),
    "openUdp on a SelectorLoop": () => onSelectorLoop(() => openUdp()),
    Selector: () => new Selector(),
    Socket: () => new Socket(),
    socketPair: () => socketPair(),
  };
}

async function tryAll(openers: Record<string, () => unknown>): Promise<void> {
  for (const [name, open] of Object.entries(openers)) {
    try {
      const opened = (await open()) as Closable | Closable[] | undefined;
      await run(async () => {
        for (const one of [opened].flat()) await one?.close();
      });
      console.log(`${name}: opened`);
    } catch (error) {
      const { name: kind, systemCode, code, message } = error as Error & { systemCode?: string; code: string };
      console.log(`${name}: ${kind} ${systemCode ?? code}: ${message}`);
    }
  }
}

/** Takes connections and ends them. */
async function peerAt(where: { port: number } | { path: string }): Promise<Server> {
  const server = createServer((socket) => socket.on("error", () => {}).destroy());
  await new Promise<void>((listening) => server.listen(where, listening));
  return server;
}

const peers = await Promise.all([peerAt({ port: 0 }), peerAt({ path })]);
const openers = openersFor((peers[0].address() as { port: number }).port);
// What is opened once and kept is opened here.
await tryAll(openers);
const before = openDescriptors();
console.log("-- exhausted");
exhaust();
await tryAll(openers);
for (const descriptor of held.splice(0)) closeSync(descriptor);
console.log("-- released");
await tryAll(openers);
while (openDescriptors() > before) await new Promise(setImmediate);
console.log("-- nothing left");
for (const peer of peers) peer.close();
