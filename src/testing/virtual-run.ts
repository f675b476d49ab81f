/**
 * Running a test in virtual time: sleeping costs nothing, and a seed fixes the order of everything.
 */
import type { Returned } from "../kernel/body.ts";
import { InvalidStateError } from "../kernel/errors.ts";
import { quietly } from "../kernel/quiet.ts";
import { run } from "../kernel/run.ts";
import { currentLoop } from "../kernel/scope.ts";
import { until } from "../kernel/until.ts";
import { virtualizeTimers } from "../loops/virtual/host/timers.ts";
import { VirtualLoop, type VirtualLoopOptions } from "../loops/virtual/loop.ts";
import type { MemoryNetwork } from "../loops/virtual/network.ts";

/** What a virtual run draws its order from, and how much of the host follows its clock. */
export interface VirtualRunOptions extends VirtualLoopOptions {
  /**
   * Makes the host's timers and clocks follow virtual time inside of the run: `setTimeout`, `setInterval`, `setImmediate` and what clears them,
   * `node:timers/promises`, `AbortSignal.timeout`, `Date` (from the year 2000 on) and `performance.now()`. Code outside of the run sees
   * them as ever. Timers that are pending when the run ends never fire.
   */
  readonly hostTimers?: boolean;
  /** Cancels the run when aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Runs `fn` like `run`, on a fresh virtual loop: its clock starts at 0 and jumps to the next timer when every task is blocked,
 * its network is in memory. With a `seed`, what happens in the same moment happens in an order drawn from it, the same in every run.
 * A wait for the real world (files, sockets of `node:net`, and without `hostTimers` its timers) is not seen by the loop.
 *
 * @throws DeadlockError if every task is blocked and no timer is pending.
 */
export function virtualRun<T>(fn: () => Returned<T>, options: VirtualRunOptions = {}): Promise<T> {
  const loop = new VirtualLoop(options);
  const { signal } = options;
  const started = (): Promise<T> => run(fn, { loop, name: "virtual run", ...(signal && { signal }) });
  if (options.hostTimers !== true) return started();
  return quietly(async () => {
    const release = virtualizeTimers(loop);
    try {
      return await started();
    } finally {
      release();
    }
  });
}

/**
 * The network in memory of the virtual run around: its names and routes, its files, and the faults that it is to have.
 *
 * @throws InvalidStateError outside of `virtualRun`.
 */
export function currentNetwork(): MemoryNetwork {
  const loop = currentLoop();
  if (loop instanceof VirtualLoop) return loop.network;
  throw new InvalidStateError("currentNetwork() works in virtualRun() only: a real network is not in memory");
}

/**
 * Waits until every other task is blocked, before the virtual clock jumps: the point at which a test can say what
 * has happened so far. Always a checkpoint.
 *
 * @throws InvalidStateError outside of `virtualRun`.
 */
export function waitAllTasksBlocked(): Promise<void> {
  const loop = currentLoop();
  if (!(loop instanceof VirtualLoop)) {
    return Promise.reject(
      new InvalidStateError(
        "waitAllTasksBlocked() works in virtualRun() only: real input and output cannot be seen to be over",
      ),
    );
  }
  return until(loop.allBlocked());
}
