/** Rules 7 and 15 for what locks tasks out and lets them in: each call checks cancellation first, and may be abandoned. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  Barrier,
  CapacityLimiter,
  Condition,
  cancelScope,
  Latch,
  Lock,
  moveOnAfter,
  once,
  RwLock,
  Semaphore,
  sleep,
} from "coppice";
import { assertCancelledBy } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { blockLoop, virtually } from "../support/virtual.ts";

interface Ready {
  readonly name: string;
  /** Makes a call that need not wait. */
  open(): Promise<{ call(): Promise<unknown>; verify(): void }>;
}

const untouched = () => {};

const ready: readonly Ready[] = [
  {
    name: "acquire of a free lock",
    open: async () => {
      const lock = new Lock();
      return { call: () => lock.acquire(), verify: () => assert.equal(lock.isLocked, false) };
    },
  },
  {
    name: "acquireRead of a free lock",
    open: async () => {
      const lock = new RwLock();
      return { call: () => lock.acquireRead(), verify: () => assert.equal(lock.statistics().readers, 0) };
    },
  },
  {
    name: "acquireWrite of a free lock",
    open: async () => {
      const lock = new RwLock();
      return { call: () => lock.acquireWrite(), verify: () => assert.equal(lock.statistics().writer, undefined) };
    },
  },
  {
    name: "acquire of a free permit",
    open: async () => {
      const semaphore = new Semaphore(1);
      return { call: () => semaphore.acquire(), verify: () => assert.equal(semaphore.statistics().available, 1) };
    },
  },
  {
    name: "acquire of a free token",
    open: async () => {
      const limiter = new CapacityLimiter(1);
      return { call: () => limiter.acquire(), verify: () => assert.equal(limiter.statistics().borrowed, 0) };
    },
  },
  {
    name: "acquireOnBehalfOf a borrower",
    open: async () => {
      const limiter = new CapacityLimiter(1);
      return {
        call: () => limiter.acquireOnBehalfOf("borrower"),
        verify: () => assert.throws(() => limiter.releaseOnBehalfOf("borrower")),
      };
    },
  },
  {
    name: "waitFor of what is so",
    open: async () => {
      const condition = new Condition();
      const guard = await condition.lock.acquire();
      return { call: () => condition.waitFor(() => true), verify: () => guard[Symbol.dispose]() };
    },
  },
  {
    name: "wait of a condition",
    open: async () => {
      const condition = new Condition();
      const guard = await condition.lock.acquire();
      return {
        call: () => condition.wait(),
        verify: () => {
          assert.equal(condition.lock.isLocked, true, "it has not released the lock");
          guard[Symbol.dispose]();
          assert.equal(condition.lock.isLocked, false);
        },
      };
    },
  },
  {
    name: "wait of a barrier of one",
    open: async () => {
      const barrier = new Barrier(1);
      return { call: () => barrier.wait(), verify: untouched };
    },
  },
  {
    name: "wait of an open latch",
    open: async () => {
      const latch = new Latch(0);
      return { call: () => latch.wait(), verify: untouched };
    },
  },
  {
    name: "once, before it ran",
    open: async () => {
      let runs = 0;
      const load = once(() => ++runs);
      return { call: load, verify: () => assert.equal(runs, 0) };
    },
  },
  {
    name: "once, after it ran",
    open: async () => {
      const load = once(() => "value");
      await load();
      return { call: load, verify: untouched };
    },
  },
];

for (const { name, open } of ready) {
  test(`${name} throws on entry in a cancelled scope, and has no effect`, () =>
    virtually(async () => {
      const { call, verify } = await open();
      await cancelScope(async (scope) => {
        scope.cancel();
        await assertCancelledBy(scope, call());
      });
      verify();
    }));

  test(`${name} throws on entry when the deadline has passed, though its timer could not fire`, () =>
    virtually(async () => {
      const { call, verify } = await open();
      await moveOnAfter(10, async (scope) => {
        blockLoop(10);
        await assertCancelledBy(scope, call());
      });
      verify();
    }));

  test(`${name}, abandoned in a cancelled scope, raises nothing`, async () => {
    const raised = await unhandledDuring(() =>
      virtually(async () => {
        const { call, verify } = await open();
        await cancelScope(async (scope) => {
          scope.cancel();
          void call();
        });
        await sleep(1);
        verify();
      }),
    );
    assert.deepEqual(raised, []);
  });
}

test("a loop that acquires and releases what is free lets the others have a turn", () =>
  virtually(async () => {
    for (const acquire of [
      (
        (lock) => () =>
          lock.acquire()
      )(new Lock()),
      (
        (semaphore) => () =>
          semaphore.acquire()
      )(new Semaphore(1)),
      (
        (limiter) => () =>
          limiter.acquire()
      )(new CapacityLimiter(1)),
    ]) {
      let isOver = false;
      setImmediate(() => {
        isOver = true;
      });
      let rounds = 0;
      for (; !isOver; rounds++) {
        using _ = await acquire();
      }
      assert.ok(rounds <= 3_000, `${rounds}`);
    }
  }));
