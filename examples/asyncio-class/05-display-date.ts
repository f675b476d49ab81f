/**
 * The date, once a second, for five seconds.
 *
 *   npm run example -- asyncio-class/05-display-date            (add --real for today's date)
 *
 * The loop's clock says how much time has passed, not what day it is. It is the one to measure by: nobody sets it back. On
 * virtual time the program begins on New Year's Day, and ends there at once.
 */
import assert from "node:assert/strict";
import { currentLoop, sleep } from "coppice";
import { isReal, start } from "../start.ts";

const SECOND = 1_000;

async function displayDate(from: Date): Promise<number> {
  const loop = currentLoop();
  const startedAt = loop.time();
  const end = startedAt + 5 * SECOND;
  let shown = 0;
  for (;;) {
    const date = new Date(from.getTime() + loop.time() - startedAt);
    console.log(date.toUTCString());
    shown++;
    if (loop.time() + SECOND >= end) return shown;
    await sleep(SECOND);
  }
}

const shown = await start(() => displayDate(isReal ? new Date() : new Date("2026-01-01T00:00:00Z")));
assert.equal(shown, 5);
