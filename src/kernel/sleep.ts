/**
 * Waits that are for nothing but time: `sleep`, `sleepForever`, `checkpoint`.
 */
import { detour, mustDetour } from "./checkpoint.ts";
import { DONE } from "./microtask.ts";
import type { Timer } from "./ports.ts";
import { currentNode } from "./scope.ts";
import type { ScopeNode } from "./scope-node.ts";
import { checkDuration } from "./scopes.ts";
import { Waiter } from "./waiter.ts";

/**
 * Waits `ms` milliseconds on the loop's clock; never less. `sleep(0)` gives the event loop, input and output included, one turn.
 * Durations past 2^31 ms work; `Infinity` waits until cancelled. Always a checkpoint.
 *
 * @throws RangeError if `ms` is negative or `NaN`.
 */
export function sleep(ms: number): Promise<void> {
  const invalid = checkDuration("sleep", ms);
  if (invalid !== undefined) return Promise.reject(invalid);
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => sleep(ms));
  if (ms === 0) return scope.loop.breathe();
  return new SleepWaiter(scope, ms).promise;
}

/** Waits until cancelled. Always a checkpoint. */
export function sleepForever(): Promise<never> {
  return sleep(Infinity) as Promise<never>;
}

/**
 * Throws `Cancelled` in a cancelled scope, lets the event loop have a turn when one is due, and else does nothing.
 * For long computations between waits.
 */
export function checkpoint(): Promise<void> {
  const scope = currentNode();
  return mustDetour(scope) ? detour(scope, checkpoint) : DONE;
}

class SleepWaiter extends Waiter<void> {
  readonly #timer: Timer | undefined;

  constructor(scope: ScopeNode, ms: number) {
    super(scope);
    this.#timer = ms === Infinity ? undefined : scope.loop.callAt(scope.loop.time() + ms, () => this.wake());
  }

  get isPatient(): boolean {
    return this.#timer === undefined;
  }

  protected override abandoned(): void {
    this.#timer?.cancel();
  }
}
