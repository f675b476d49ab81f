/** Callbacks that are called at a time. */
import assert from "node:assert/strict";
import { sleep } from "coppice";
import type { Row } from "../kit.ts";

const FAR_MS = 2 ** 31 + 1_000;

export const timerRows: readonly Row[] = [
  {
    name: "callLater calls when the time has come, and not sooner",
    run: (kit) =>
      kit.run(async () => {
        const asked = kit.loop.time();
        const called = Promise.withResolvers<number>();
        const handle = kit.loop.callLater(10, (factor: number) => called.resolve(factor * kit.loop.time()), 1);
        const at = await called.promise;
        assert.ok(at >= handle.when(), `${at} is before ${handle.when()}`);
        assert.ok(handle.when() >= asked + 10);
      }),
  },
  {
    name: "timers are called in the order of their times, whatever that of asking",
    run: (kit) =>
      kit.run(async () => {
        const log: number[] = [];
        const now = kit.loop.time();
        for (const ms of [8, 2, 6, 0, 4]) kit.loop.callAt(now + ms, () => log.push(ms));
        await sleep(20);
        assert.deepEqual(log, [0, 2, 4, 6, 8]);
      }),
  },
  {
    name: "callAt with a time that has passed calls soon",
    run: (kit) =>
      kit.run(async () => {
        const called = Promise.withResolvers<void>();
        kit.loop.callAt(kit.loop.time() - 1_000, called.resolve);
        await called.promise;
      }),
  },
  {
    name: "times that are none are refused",
    run: ({ loop }) => {
      for (const bad of [NaN, -1, "5" as unknown as number]) {
        assert.throws(() => loop.callLater(bad, () => {}), RangeError);
      }
      assert.throws(() => loop.callAt(NaN, () => {}), RangeError);
      assert.throws(() => loop.callAt("5" as unknown as number, () => {}), RangeError);
    },
  },
  {
    name: "a cancelled timer is not called",
    run: (kit) =>
      kit.run(async () => {
        const log: string[] = [];
        const first = kit.loop.callLater(2, () => log.push("cancelled"));
        kit.loop.callLater(3, () => log.push("called"));
        first.cancel();
        await sleep(10);
        assert.deepEqual(log, ["called"]);
        assert.equal(first.cancelled, true);
      }),
  },
  {
    name: "never is a time, too",
    run: (kit) =>
      kit.run(async () => {
        let isCalled = false;
        const handle = kit.loop.callLater(Infinity, () => {
          isCalled = true;
        });
        await sleep(2);
        assert.equal(handle.when(), Infinity);
        assert.equal(isCalled, false);
        handle.cancel();
        assert.equal(handle.cancelled, true);
      }),
  },
  {
    name: "a timer beyond 2^31 milliseconds is not called at once",
    run: (kit) =>
      kit.run(async () => {
        const log: string[] = [];
        const far = kit.loop.callLater(FAR_MS, () => log.push("far"));
        kit.loop.callLater(1, () => log.push("near"));
        await sleep(5);
        assert.deepEqual(log, ["near"]);
        far.cancel();
      }),
  },
  {
    name: "a timer beyond 2^31 milliseconds is called at its time",
    on: ({ isReal }) => !isReal,
    run: (kit) =>
      kit.run(async () => {
        const called = Promise.withResolvers<number>();
        const handle = kit.loop.callLater(FAR_MS, () => called.resolve(kit.loop.time()));
        assert.equal(await called.promise, handle.when());
      }),
  },
  {
    name: "ten thousand timers are called, each once; as many that were cancelled are not",
    run: (kit) =>
      kit.run(async () => {
        let calls = 0;
        const now = kit.loop.time();
        const cancelled = Array.from({ length: 10_000 }, (_, index) => {
          kit.loop.callAt(now + (index % 50), () => calls++);
          return kit.loop.callAt(now + (index % 50), () => assert.fail("it was cancelled"));
        });
        for (const handle of cancelled) handle.cancel();
        const last = Promise.withResolvers<void>();
        kit.loop.callAt(now + 51, last.resolve);
        await last.promise;
        assert.equal(calls, 10_000);
      }),
  },
  {
    name: "a timer may cancel another that falls due with it",
    run: (kit) =>
      kit.run(async () => {
        const log: string[] = [];
        const when = kit.loop.time() + 2;
        const one = kit.loop.callAt(when, () => {
          log.push("called");
          other.cancel();
        });
        const other = kit.loop.callAt(when, () => {
          log.push("called");
          one.cancel();
        });
        await sleep(10);
        assert.deepEqual(log, ["called"]);
      }),
  },
];
