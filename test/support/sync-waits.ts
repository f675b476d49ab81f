/** The waits for locks and what is like them, for the table in `waits.ts`. */
import { Barrier, CapacityLimiter, Condition, Event, Latch, Lock, once, RwLock, Semaphore } from "coppice";
import type { OpenWait, Wait } from "./wait.ts";

export const syncWaits: readonly Wait[] = [
  { name: "lock.acquire", open: () => openLock(() => new Lock()) },
  {
    name: "rwLock.acquireRead behind a writer",
    open: () => {
      const lock = new RwLock();
      return openHeld(lock.tryAcquireWrite(), () => lock.acquireRead());
    },
  },
  {
    name: "rwLock.acquireWrite behind a reader",
    open: () => {
      const lock = new RwLock();
      return openHeld(lock.tryAcquireRead(), () => lock.acquireWrite());
    },
  },
  { name: "semaphore.acquire", open: () => openLock(() => new Semaphore(1)) },
  { name: "limiter.acquire", open: () => openLock(() => new CapacityLimiter(1)) },
  {
    name: "limiter.acquireOnBehalfOf",
    open: () => {
      const limiter = new CapacityLimiter(1);
      return openHeld(limiter.tryAcquire(), () => limiter.acquireOnBehalfOf("borrower"));
    },
  },
  {
    name: "condition.waitFor",
    open: () => {
      const condition = new Condition();
      let isSo = false;
      let effects = 0;
      return {
        wait: async () => {
          using _ = await condition.lock.acquire();
          await condition.waitFor(() => isSo);
          effects++;
        },
        wake: () => {
          isSo = true;
          // Where one who was cancelled has it for a moment, nobody waits any more.
          using guard = condition.lock.tryAcquire();
          if (guard !== undefined) condition.notify();
        },
        value: undefined,
        effects: () => effects,
        end: () => {},
      };
    },
  },
  {
    name: "barrier.wait",
    open: () => {
      const barrier = new Barrier(2);
      return {
        // Who comes last has another index.
        wait: () => barrier.wait().then(() => "met"),
        wake: () => {
          void barrier.wait();
        },
        value: "met",
        end: () => {},
      };
    },
  },
  {
    name: "latch.wait",
    open: () => {
      const latch = new Latch(1);
      return { wait: () => latch.wait(), wake: () => latch.countDown(), value: undefined, end: () => {} };
    },
  },
  {
    name: "once, for the caller that runs it",
    open: () => {
      const event = new Event();
      let effects = 0;
      const load = once(async () => {
        await event.wait();
        effects++;
        return "value";
      });
      return { wait: load, wake: () => event.set(), value: "value", effects: () => effects, end: () => {} };
    },
  },
];

function openLock(make: () => { acquire(): Promise<Disposable>; tryAcquire(): Disposable | undefined }): OpenWait {
  const lock = make();
  return openHeld(lock.tryAcquire(), () => lock.acquire());
}

/** Something held by `guard`, which others try to acquire. */
function openHeld(guard: Disposable | undefined, acquire: () => Promise<Disposable>): OpenWait {
  let effects = 0;
  return {
    wait: async () => {
      using _ = await acquire();
      effects++;
      return "held";
    },
    wake: () => guard?.[Symbol.dispose](),
    value: "held",
    effects: () => effects,
    end: () => guard?.[Symbol.dispose](),
  };
}
