/**
 * Running a test in virtual time, with the check that every test owes: it leaves no task, scope, wait or timer behind.
 */
import assert from "node:assert/strict";
import { currentLoop, run } from "coppice";
import { VirtualLoop, type VirtualLoopOptions } from "coppice/testing";
import type { Timer } from "../../src/kernel/ports.ts";
import { currentNode } from "../../src/kernel/scope.ts";

/** Knows the timers that are neither fired nor cancelled, and can be late. */
export class TestLoop extends VirtualLoop {
  readonly live = new Set<Timer>();
  lateMs = 0;

  override time(): number {
    return super.time() + this.lateMs;
  }

  override callAt(when: number, callback: () => void): Timer {
    const inner = super.callAt(when, () => {
      this.live.delete(timer);
      callback();
    });
    const timer: Timer = {
      cancel: () => {
        this.live.delete(timer);
        inner.cancel();
      },
    };
    this.live.add(timer);
    return timer;
  }
}

/** That the running code has no scope, task or wait below it. */
export function assertNothingOpen(): void {
  const node = currentNode();
  assert.equal(node.firstChild, null, `still open: ${node.firstChild?.name}`);
  assert.equal(node.firstWaiter, null, "a wait was left behind");
}

/** As `virtualRun`; fails if `fn` leaves anything alive. */
export function virtually<T>(fn: () => T | PromiseLike<T>, options: VirtualLoopOptions = {}): Promise<T> {
  const loop = new TestLoop(options);
  return run(
    async () => {
      const value = await fn();
      assertNothingOpen();
      assert.equal(loop.live.size, 0, "timers were left behind");
      return value;
    },
    { loop },
  );
}

/** As if the code had computed for `ms` milliseconds: the clock goes on and no timer fires. Works inside of `virtually`. */
export function blockLoop(ms: number): void {
  const loop = currentLoop();
  assert.ok(loop instanceof TestLoop);
  loop.lateMs += ms;
}
