/** The behaviour suite on the virtual loop, with and without a seed, and what is the virtual loop's own. */
import assert from "node:assert/strict";
import test from "node:test";
import { DeadlockError, InvalidStateError } from "coppice";
import { EventLoop, VirtualLoop } from "coppice/loop";
import { eventLoopSuite } from "./suite.ts";

eventLoopSuite({ name: "virtual", isReal: false, make: () => new VirtualLoop() });
eventLoopSuite({ name: "seeded virtual", isReal: false, make: () => new VirtualLoop({ seed: 20_111 }) });

test("a virtual loop hears no signals", async () => {
  await using loop = new EventLoop(new VirtualLoop());
  assert.throws(() => loop.addSignalHandler("SIGUSR2", () => {}), InvalidStateError);
});

test("a virtual loop that runs forever with nothing left to happen says so", async () => {
  await using loop = new EventLoop(new VirtualLoop());
  await assert.rejects(loop.runForever(), DeadlockError);
});

test("a virtual loop calls nothing until it is run", async () => {
  await using loop = new EventLoop(new VirtualLoop());
  const log: string[] = [];
  loop.callSoon(() => log.push("soon"));
  loop.callLater(1_000_000, () => log.push("later"));
  await new Promise(setImmediate);
  assert.deepEqual(log, []);
  loop.callLater(2_000_000, () => loop.stop());
  await loop.runForever();
  assert.deepEqual(log, ["soon", "later"]);
  assert.equal(loop.time(), 2_000_000);
});
