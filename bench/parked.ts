/**
 * A child process of the memory benchmark: parks tasks of one kind, collects
 * garbage and tells the parent the heap bytes that each of them holds, and what
 * the process as a whole takes.
 *
 * Everyone but the `event` kinds waits on a plain promise whose resolver is kept in an
 * array made beforehand, and keeps what it got from spawning in another one.
 */

import { Event, run, taskGroup } from "coppice";
import { heapBytes } from "./heap.ts";

const [kind = "", taskCount = "0"] = process.argv.slice(2);
const count = Number(taskCount);
const resolvers: (() => void)[] = new Array(count).fill(undefined);
const handles: unknown[] = new Array(count).fill(undefined);
let nextIndex = 0;

/** Warm functions and a promise, so that lazily made metadata is not charged to the tasks. */
async function park(): Promise<void> {
  const index = nextIndex++;
  await new Promise<void>((resolve) => {
    resolvers[index] = resolve;
  });
}

const kinds: Record<string, () => Promise<unknown>> = {
  async raw() {
    const before = await heapBytes();
    for (let index = 0; index < count; index++) handles[index] = park();
    return await report(before);
  },

  async coppice() {
    await run(() =>
      taskGroup(async (group) => {
        const before = await heapBytes();
        for (let index = 0; index < count; index++) handles[index] = group.spawn(park);
        await report(before);
      }),
    );
  },

  event: () =>
    parkOnEvent((event) => async () => {
      await event.wait();
    }),

  "event-direct": () => parkOnEvent((event) => () => event.wait()),

  // The peers are loaded where they are used: what a process holds counts too.
  async effect() {
    const { Effect } = await import("effect");
    const work = Effect.promise(park);
    await Effect.runPromise(
      Effect.gen(function* () {
        const before = yield* Effect.promise(heapBytes);
        for (let index = 0; index < count; index++) handles[index] = yield* Effect.forkChild(work);
        yield* Effect.promise(() => report(before));
      }),
    );
  },

  async effection() {
    const effection = await import("effection");
    const work = () => effection.call(park);
    await effection.run(function* () {
      const before = yield* effection.call(heapBytes);
      for (let index = 0; index < count; index++) handles[index] = yield* effection.spawn(work);
      yield* effection.call(() => report(before));
    });
  },
};

process.on("disconnect", () => process.exit());
const start = kinds[kind];
if (start === undefined) throw new RangeError(`unknown kind "${kind}": use ${Object.keys(kinds).join(", ")}`);
await start();

async function parkOnEvent(parkOn: (event: Event) => () => Promise<void>): Promise<void> {
  await run(() =>
    taskGroup(async (group) => {
      const event = new Event();
      const wait = parkOn(event);
      const before = await heapBytes();
      for (let index = 0; index < count; index++) handles[index] = group.spawn(wait);
      await report(before);
      event.set();
    }),
  );
}

async function report(before: number): Promise<void> {
  const bytes = (await heapBytes()) - before;
  if (handles.includes(undefined)) throw new Error("a task was not kept alive");
  if (!kind.startsWith("event") && nextIndex !== count)
    throw new Error(`only ${nextIndex} of ${count} tasks are parked`);
  const { heapTotal, rss } = process.memoryUsage();
  process.send?.({ bytesPerTask: bytes / count, heapBytes: heapTotal, residentBytes: rss }, () => process.exit());
  await new Promise(() => {});
}
