/**
 * The thread of debug mode that looks where the main thread is when it is busy for too long. See `debug-watch.ts`.
 *
 * It talks to the inspector of the main thread, which answers in the midst of whatever runs there. The debugger is enabled only for that
 * moment, as it makes code slower and stops at `debugger` statements.
 */
import { type Debugger, Session } from "node:inspector";
import { workerData } from "node:worker_threads";
import { type Finding, READY, SLOW, STRETCH, type WatcherData } from "./debug-watch.ts";

/** How often it looks: so many times in the time that is too long, but not more often than each millisecond. */
const LOOKS = 4;

const { memory, port } = workerData as WatcherData;
const cells = new Int32Array(memory);
const scripts = new Map<string, string>();
const session = new Session();
let looked = 0;
let since = 0;
/** The stretch that it has asked to pause. */
let asked = 0;

session.connectToMainThread();
session.on("Debugger.scriptParsed", ({ params }) => {
  scripts.set(params.scriptId, params.url);
});
session.on("Debugger.paused", ({ params }) => {
  // What is paused may be what came after.
  if (Atomics.load(cells, STRETCH) === asked) {
    const finding: Finding = { stretch: asked, frames: params.callFrames.map(frameText) };
    port.postMessage(finding);
  }
  session.post("Debugger.disable");
});

function look(): void {
  const stretch = Atomics.load(cells, STRETCH);
  const slowMs = Atomics.load(cells, SLOW);
  const now = performance.now();
  if (stretch !== looked) {
    looked = stretch;
    since = now;
  } else if ((stretch & 1) === 1 && stretch !== asked && now - since >= slowMs - slowMs / LOOKS) {
    asked = stretch;
    session.post("Debugger.enable");
    session.post("Debugger.pause");
  }
  setTimeout(look, Math.min(Math.max(slowMs / LOOKS, 1), 1_000));
}

/** As V8 prints it in a stack. */
function frameText({ functionName, location }: Debugger.CallFrame): string {
  const { scriptId, lineNumber, columnNumber = 0 } = location;
  const place = `${scripts.get(scriptId) || "(unknown)"}:${lineNumber + 1}:${columnNumber + 1}`;
  return functionName === "" ? `    at ${place}` : `    at ${functionName} (${place})`;
}

look();
Atomics.store(cells, READY, 1);
Atomics.notify(cells, READY);
