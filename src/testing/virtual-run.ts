/**
 * Running a test in virtual time: sleeping costs nothing, and a seed fixes the order of everything.
 */
import type { Returned } from "../kernel/body.ts";
import { InvalidStateError } from "../kernel/errors.ts";
import { run } from "../kernel/run.ts";
import { currentLoop } from "../kernel/scope.ts";
import { until } from "../kernel/until.ts";
import { VirtualLoop, type VirtualLoopOptions } from "../loops/virtual/loop.ts";

/**
 * Runs `fn` like `run`, on a fresh virtual loop: its clock starts at 0 and jumps to the next timer when every task is blocked,
 * its network is in memory. With a `seed`, siblings start in an order drawn from it, the same in every run.
 * A wait for the real world (files, sockets of `node:net`) is not seen by the loop.
 *
 * @throws DeadlockError if every task is blocked and no timer is pending.
 */
export function virtualRun<T>(fn: () => Returned<T>, options: VirtualLoopOptions = {}): Promise<T> {
  return run(fn, { loop: new VirtualLoop(options), name: "virtual run" });
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
