/** Pins the names that each subpath of the package exports: a name is a promise. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const values: Record<string, readonly string[]> = {
  coppice: [
    "Barrier",
    "BrokenError",
    "BusyError",
    "Cancelled",
    "CapacityLimiter",
    "ClosedError",
    "Condition",
    "ConnectError",
    "ContextVar",
    "DeadlockError",
    "EndOfChannel",
    "ErrorGroup",
    "Event",
    "FrameError",
    "Future",
    "InvalidStateError",
    "LaggedError",
    "Latch",
    "LifoQueue",
    "ListenError",
    "Lock",
    "OverflowError",
    "PriorityQueue",
    "Queue",
    "RwLock",
    "Semaphore",
    "TimeoutError",
    "abortable",
    "broadcast",
    "cancelScope",
    "channel",
    "checkpoint",
    "contextManager",
    "coroutine",
    "currentLoop",
    "currentScope",
    "currentTask",
    "fromCallback",
    "fromReadable",
    "fromWritable",
    "handleGroup",
    "isCancelled",
    "isCoroutine",
    "isCoroutineFunction",
    "iterate",
    "main",
    "moveOnAfter",
    "nextEvent",
    "once",
    "openEvents",
    "openFeed",
    "run",
    "shield",
    "sleep",
    "sleepForever",
    "supervisor",
    "suppressedErrors",
    "taskGroup",
    "toReadableStream",
    "toWritableStream",
    "until",
    "watch",
    "withTimeout",
  ],
  "coppice/net": ["lengthPrefixed", "listen", "openTcp", "serve"],
  "coppice/rpc": [
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "RpcError",
    "SERVER_STOPPING",
    "currentPeer",
    "servePeer",
    "serveRpc",
    "withPeer",
  ],
  "coppice/testing": [
    "Sequencer",
    "VirtualLoop",
    "assertCheckpoints",
    "assertNoCheckpoints",
    "virtualRun",
    "waitAllTasksBlocked",
  ],
};

for (const [subpath, names] of Object.entries(values)) {
  test(`${subpath} exports what it promises and nothing else`, async () => {
    assert.deepEqual(Object.keys(await import(subpath)).sort(), [...names].sort());
  });
}

test("every subpath of the package is pinned here", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const subpaths = Object.keys(manifest.exports).filter((path) => path !== "./package.json");
  assert.deepEqual(subpaths.map((path) => path.replace(/^\./, "coppice")).sort(), Object.keys(values).sort());
});
