/**
 * Testing a coroutine with a time limit, without spending the time.
 *
 *   npm run example -- iterators-to-coroutines/09-time-limit
 *
 * In a virtual run the clock stands still while anything can run, and jumps to the next timer when everything sleeps. So
 * a test of a limit of ten minutes takes a millisecond, and the limit strikes at ten minutes exactly, on any machine.
 */
import assert from "node:assert/strict";
import { currentLoop, sleep, TimeoutError, withTimeout } from "coppice";
import { virtualRun } from "coppice/testing";

const MINUTE = 60_000;
const kettles: string[] = [];

/** The code under test: it knows nothing of clocks or limits. */
async function boilWater(liters: number): Promise<string> {
  try {
    await sleep(liters * 4 * MINUTE);
    return "tea";
  } finally {
    kettles.push(`off after ${minutes()}`);
  }
}

function minutes(): string {
  return `${currentLoop().time() / MINUTE} min`;
}

// Each run begins at time zero: tests cannot disturb each other.
await virtualRun(async () => {
  const drink = await withTimeout(10 * MINUTE, () => boilWater(2));
  assert.equal(drink, "tea");
  assert.equal(currentLoop().time(), 8 * MINUTE);
  console.log(`in time: ${drink} after ${minutes()}`);
});

await virtualRun(async () => {
  await assert.rejects(
    withTimeout(10 * MINUTE, () => boilWater(3)),
    (error) => error instanceof TimeoutError && error.message === "timed out after 600000 ms",
  );
  assert.equal(currentLoop().time(), 10 * MINUTE);
  console.log(`too late: TimeoutError after ${minutes()}`);
});

assert.deepEqual(kettles, ["off after 8 min", "off after 10 min"], "the limit ran the cleanup, too");
console.log(`kettles: ${kettles.join(", ")}`);
