/**
 * A child process of the benchmark of a million timers: arms so many of one kind at random times, cancels them; arms as many again,
 * and lets them fire. Tells its parent what each step cost a timer.
 */

import { currentLoop, run } from "coppice";
import { currentEventLoop } from "coppice/loop";
import { heapBytes } from "./heap.ts";
import type { TimerCosts } from "./million-timers.ts";

const [kind = "", countText = "0"] = process.argv.slice(2);
const count = Number(countText);
/** The first is due when all have been armed, whatever that takes here. */
const leadMs = 6_000;
const spreadMs = 1_000;
let fired = 0;
let allFired: () => void = () => {};

/** Arms a timer that is due in `ms`; the result cancels it. */
type Arm = (ms: number) => () => void;

const kinds: Record<string, (body: (arm: Arm) => Promise<void>) => Promise<void>> = {
  raw: (body) =>
    body((ms) => {
      const timer = setTimeout(fire, ms);
      return () => clearTimeout(timer);
    }),
  port: (body) =>
    run(() => {
      const loop = currentLoop();
      return body((ms) => {
        const timer = loop.callAt(loop.time() + ms, fire);
        return () => timer.cancel();
      });
    }),
  "call-later": (body) =>
    run(() => {
      const loop = currentEventLoop();
      return body((ms) => {
        const handle = loop.callLater(ms, fire);
        return () => handle.cancel();
      });
    }),
};

process.on("disconnect", () => process.exit());
const within = kinds[kind];
if (within === undefined) throw new RangeError(`unknown kind "${kind}": use ${Object.keys(kinds).join(", ")}`);
await within(measure);

async function measure(arm: Arm): Promise<void> {
  // The same times for everybody.
  const delays = Float64Array.from(
    { length: count },
    (_, index) => leadMs + ((index * 7_919) % 1_000_003) * (spreadMs / 1e6),
  );
  const before = await heapBytes();
  const cancels: (() => void)[] = new Array(count);
  let startedAt = performance.now();
  for (let index = 0; index < count; index++) cancels[index] = arm(delays[index] as number);
  const armNs = ((performance.now() - startedAt) * 1e6) / count;
  const bytes = ((await heapBytes()) - before) / count;
  startedAt = performance.now();
  for (const cancel of cancels) cancel();
  const cancelNs = ((performance.now() - startedAt) * 1e6) / count;

  for (let index = 0; index < count; index++) arm(delays[index] as number);
  const cpu = process.cpuUsage();
  await new Promise<void>((resolve) => {
    allFired = resolve;
  });
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({ armNs, cancelNs, bytes, fireNs: ((user + system) * 1e3) / count } satisfies TimerCosts, () =>
    process.exit(),
  );
  await new Promise(() => {});
}

function fire(): void {
  if (++fired === count) allFired();
}
