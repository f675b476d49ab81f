/** A child process of the benchmark of signals: waits many times under one signal and tells the parent what that left behind. */

import { getEventListeners } from "node:events";
import { abortable, run } from "coppice";
import { heapBytes } from "./heap.ts";

export interface Left {
  /** How the heap has grown since the first of the waits were over. */
  readonly grownBytes: number;
  readonly listenerCount: number;
  readonly nanoseconds: number;
}

const [kind = "", waitCount = "0"] = process.argv.slice(2);
const count = Number(waitCount);
const firstCount = 1_000;
const { signal } = new AbortController();

/** What a careless function does with its signal. */
async function listens(to: AbortSignal): Promise<void> {
  to.addEventListener("abort", () => {}, { once: true });
  await undefined;
}

const kinds: Record<string, () => Promise<Left>> = {
  coppice: () => run(() => waits(() => abortable(listens)), { signal }),
  listener: () => waits(() => listens(signal)),
  any: () => waits(() => listens(AbortSignal.any([signal]))),
};

process.on("disconnect", () => process.exit());
const start = kinds[kind];
if (start === undefined) throw new RangeError(`unknown kind "${kind}": use ${Object.keys(kinds).join(", ")}`);
const left = await start();
process.send?.(left, () => process.exit());

async function waits(wait: () => Promise<void>): Promise<Left> {
  for (let index = 0; index < firstCount; index++) await wait();
  const before = await heapBytes();
  const startedAt = performance.now();
  for (let index = 0; index < count; index++) await wait();
  const elapsedMs = performance.now() - startedAt;
  return {
    grownBytes: (await heapBytes()) - before,
    listenerCount: getEventListeners(signal, "abort").length,
    nanoseconds: (elapsedMs * 1e6) / count,
  };
}
