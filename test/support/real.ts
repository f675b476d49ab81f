/** A run on the real loop that fails if it leaves a socket, a listener or a descriptor behind. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { run } from "coppice";

const DESCRIPTORS = "/proc/self/fd";

/** How many descriptors this process has open; 0 where the system does not say. */
export function descriptorCount(): number {
  return existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : 0;
}

function sockets(): string[] {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP"));
}

/** Runs `fn`, then waits until the system has let go of all that it used. */
export async function really<T>(fn: () => T | PromiseLike<T>): Promise<T> {
  const before = descriptorCount();
  const value = await run(fn);
  await eventually(
    () => sockets().length === 0,
    () => `sockets were left open: ${sockets().join(", ")}`,
  );
  await eventually(
    () => descriptorCount() <= before,
    () => `${descriptorCount()} descriptors are open, it was ${before} before`,
  );
  return value;
}

/** Polls until `isTrue`; fails with `what` when that takes absurdly long. */
export async function eventually(
  isTrue: () => boolean | Promise<boolean>,
  what: () => string,
  patienceMs = 10_000,
): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await isTrue())) {
    if (performance.now() > end) assert.fail(what());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
