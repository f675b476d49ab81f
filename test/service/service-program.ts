/**
 * The service that `bad-input.real.test.ts` and `python.real.test.ts` misuse. Listens on the port that the first argument names,
 * or on any, and can tell what it holds.
 */
import { readdirSync } from "node:fs";
import { currentLoop, main, sleep, sleepForever } from "coppice";
import { lengthPrefixed, listen } from "coppice/net";
import { currentPeer, INVALID_PARAMS, RpcError, serveRpc } from "coppice/rpc";
import { currentNode } from "../../src/kernel/scope.ts";
import type { ScopeNode } from "../../src/kernel/scope-node.ts";

/** Tasks and scopes of the whole tree. */
function nodeCount(): number {
  let root: ScopeNode = currentNode();
  while (root.parent !== null) root = root.parent;
  let count = 0;
  const waiting: ScopeNode[] = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    count++;
    for (let child = node.firstChild; child !== null; child = child.next) waiting.push(child);
  }
  return count;
}

let failures = 0;
let notes = 0;

const methods = {
  foo: () => "ok",
  add: (a: unknown, b: unknown) => {
    if (typeof a !== "number" || typeof b !== "number") {
      throw new RpcError(INVALID_PARAMS, "Invalid params", "add expects two numbers");
    }
    return a + b;
  },
  echo: (...params: unknown[]) => params,
  note: () => {
    notes++;
  },
  notes: () => notes,
  blob: (size: number) => "x".repeat(size),
  async later(ms: number) {
    await sleep(ms);
    return ms;
  },
  never: sleepForever,
  throws: () => {
    throw new Error("a bug");
  },
  throwsText: () => {
    throw "no error";
  },
  rejects: () => Promise.reject(Object.create(null)),
  refuses: () => {
    throw new RpcError(42, "refused", { why: "asked to" });
  },
  callBack: async (method: string, ...params: unknown[]) => await currentPeer()?.request(method, params),
  /** What the process holds, after a garbage collection. */
  report: async () => {
    globalThis.gc?.();
    await sleep(1);
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const resources = process.getActiveResourcesInfo();
    return {
      heapBytes: heapUsed + arrayBuffers,
      descriptors: readdirSync("/proc/self/fd").length,
      sockets: resources.filter((name) => name === "TCPSocketWrap").length,
      listeners: resources.filter((name) => name === "TCPServerWrap").length,
      nodes: nodeCount(),
      failures,
      upMs: currentLoop().time(),
    };
  },
};

await main(async () => {
  const listener = await listen({ port: Number(process.argv[2] ?? 0) });
  process.stdout.write(`port ${listener.address.port}\n`);
  await serveRpc(listener, methods, {
    framing: lengthPrefixed({ maxFrameBytes: 1024 * 1024 }),
    onError: () => {
      failures++;
    },
  });
});
