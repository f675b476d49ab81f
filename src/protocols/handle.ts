/**
 * Callbacks that will be called: soon, or at a time.
 *
 *   waiting --its turn, its time--> released --a microtask later--> called
 *      \------------cancel------------/----> cancelled: never called
 *
 * Each waits behind a promise of its own, so that it is called in the asynchronous context in which it was made, and one that
 * throws leaves the others alone. All that are released together are called in that order.
 *
 * Rejected: `AsyncLocalStorage.snapshot` for each (a microsecond, and an async resource that a pending timer keeps).
 */
import { instruments } from "../kernel/instrument.ts";
import type { Timer } from "../kernel/ports.ts";
import { ambient } from "../kernel/scope.ts";
import type { Home } from "./home.ts";

/** A callback that was scheduled. */
export interface Handle {
  /** Whether `cancel` came before the call. */
  readonly cancelled: boolean;
  /** Keeps the callback from being called. Does nothing once it was. */
  cancel(): void;
}

/** A callback that was scheduled for a time. */
export interface TimerHandle extends Handle {
  /** That time: milliseconds on the loop's clock. */
  when(): number;
}

export type Callback<A extends unknown[]> = (...args: A) => void;

export class ScheduledCallback<A extends unknown[]> implements TimerHandle {
  readonly #home: Home;
  readonly #when: number;
  #callback: Callback<A> | undefined;
  #args: A;
  #timer: Timer | undefined;
  #isCancelled = false;
  /** Told when it will not be called any more, or was. */
  readonly #over: (handle: this) => void;
  #release!: () => void;

  constructor(home: Home, when: number, callback: Callback<A>, args: A, over: (handle: ScheduledCallback<A>) => void) {
    this.#home = home;
    this.#when = when;
    this.#callback = callback;
    this.#args = args;
    this.#over = over;
    const released = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    void released.then(() => this.#call());
    instruments.debug?.made(this);
  }

  get cancelled(): boolean {
    return this.#isCancelled;
  }

  when(): number {
    return this.#when;
  }

  cancel(): void {
    if (this.#callback === undefined) return;
    this.#isCancelled = true;
    this.#timer?.cancel();
    this.#end();
  }

  /** Its turn has come. */
  release(): void {
    this.#release();
  }

  /** Releases it at its time. */
  arm(): void {
    this.#timer = this.#home.loop.callAt(this.#when, () => this.#release());
  }

  #call(): void {
    const callback = this.#callback;
    if (callback === undefined) return;
    const args = this.#args;
    this.#end();
    const home = this.#home;
    ambient.enter(home);
    const { debug } = instruments;
    debug?.enter(home.loop, () => `callback ${nameOf(callback)}`, this);
    try {
      callback(...args);
    } catch (error) {
      home.exceptions.report({ message: `callback ${nameOf(callback)} threw`, error, source: this });
    } finally {
      debug?.leave();
    }
  }

  /** What the callback holds on to is let go, though the handle may be kept. */
  #end(): void {
    this.#callback = undefined;
    this.#args = [] as unknown[] as A;
    this.#over(this);
  }
}

function nameOf(callback: { readonly name: string }): string {
  return callback.name === "" ? "(anonymous)" : `"${callback.name}"`;
}
