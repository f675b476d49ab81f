/**
 * So many starts in so much time.
 *
 * A sliding window: the moments of the last `limit` starts are kept, and the next one may come `perMs` after the oldest of them. So no
 * window of that length, wherever it begins, sees more than `limit` starts, which is what services count that refuse the one too many.
 *
 * Invariants
 * - Turns are given first come, first served; nobody starts while somebody waits.
 * - While somebody waits, one timer is armed, for the first of them; a turn is taken only when it is given, so who leaves leaves nothing.
 *
 * Rejected: a token bucket (after a pause it lets `limit` through at once and goes on refilling, nearly twice the limit in one window);
 * even spacing (a burst that the limit allows would have to wait).
 */
import { type Returned, settled } from "../kernel/body.ts";
import { checkFunction } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { DONE } from "../kernel/microtask.ts";
import type { Loop, Timer } from "../kernel/ports.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { checkOptions } from "./functions.ts";

/** How many starts `rateLimit` allows, and in how much time. */
export interface RateLimitOptions {
  /** How many starts are allowed: a whole number from 1. */
  readonly limit: number;
  /** In how many milliseconds. */
  readonly perMs: number;
}

/** Spaces starts out in time. Made by `rateLimit`. */
export interface RateLimiter {
  /**
   * Waits for a turn, first come, first served. Always a checkpoint. Atomic under cancellation: who is cancelled has used no turn up,
   * and those behind move up.
   */
  acquire(): Promise<void>;
  /** Waits for a turn and calls `fn`. Only starts are counted: how long `fn` takes is of no concern. Always a checkpoint. */
  run<T>(fn: () => Returned<T>): Promise<T>;
}

/**
 * Allows at most `limit` starts in any stretch of `perMs` milliseconds. A burst of `limit` may start at once. Each event loop is counted apart.
 *
 * @throws RangeError if `limit` is no whole number from 1, or `perMs` is not a finite number of more than zero.
 *
 * @example
 * ```ts
 * const limiter = rateLimit({ limit: 10, perMs: 1_000 });
 * await map(urls, (url) => limiter.run(() => load(url)));
 * ```
 */
export function rateLimit(options: RateLimitOptions): RateLimiter {
  checkOptions("rateLimit", options, "{ limit: 10, perMs: 1_000 }");
  const { limit, perMs } = options;
  if (!(Number.isInteger(limit) && limit >= 1)) {
    throw new RangeError(`rateLimit: expected a limit of one or more, a whole number, got ${String(limit)}`);
  }
  if (!(typeof perMs === "number" && perMs > 0 && perMs < Infinity)) {
    throw new RangeError(`rateLimit: expected perMs in milliseconds, more than zero, got ${String(perMs)}`);
  }
  return new LoopWindows(limit, perMs);
}

/** A window for each event loop: their clocks have nothing to do with each other, as those of two tests on virtual time. */
class LoopWindows implements RateLimiter {
  readonly #limit: number;
  readonly #perMs: number;
  readonly #windows = new WeakMap<Loop, SlidingWindow>();

  constructor(limit: number, perMs: number) {
    this.#limit = limit;
    this.#perMs = perMs;
  }

  acquire(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.acquire());
    let window = this.#windows.get(scope.loop);
    if (window === undefined) {
      window = new SlidingWindow(this.#limit, this.#perMs);
      this.#windows.set(scope.loop, window);
    }
    return window.acquire(scope);
  }

  run<T>(fn: () => Returned<T>): Promise<T> {
    return quietly(async () => {
      checkFunction("run of a rate limiter", fn);
      await this.acquire();
      return settled(fn());
    });
  }
}

class SlidingWindow {
  readonly #limit: number;
  readonly #perMs: number;
  /** The moments of the last starts, a ring once there are `limit` of them. */
  readonly #starts: number[] = [];
  #oldest = 0;
  readonly #waiters = new WaitQueue<TurnWaiter>();
  #timer: Timer | undefined;

  constructor(limit: number, perMs: number) {
    this.#limit = limit;
    this.#perMs = perMs;
  }

  acquire(scope: ScopeNode): Promise<void> {
    const { loop } = scope;
    if (this.#waiters.size === 0 && this.#nextAt() <= loop.time()) {
      this.#start(loop.time());
      return DONE;
    }
    const waiter = new TurnWaiter(scope, this);
    this.#waiters.push(waiter);
    if (this.#timer === undefined) this.#arm(loop);
    return waiter.promise;
  }

  /** The earliest moment for the next start. */
  #nextAt(): number {
    return this.#starts.length < this.#limit ? -Infinity : (this.#starts[this.#oldest] as number) + this.#perMs;
  }

  #start(now: number): void {
    if (this.#starts.length < this.#limit) this.#starts.push(now);
    else {
      this.#starts[this.#oldest] = now;
      this.#oldest = (this.#oldest + 1) % this.#limit;
    }
  }

  #arm(loop: Loop): void {
    this.#timer = loop.callAt(this.#nextAt(), () => {
      this.#timer = undefined;
      while (this.#waiters.size > 0 && this.#nextAt() <= loop.time()) {
        this.#start(loop.time());
        this.#waiters.shift()?.wake();
      }
      if (this.#waiters.size > 0) this.#arm(loop);
    });
  }

  /** Somebody has left the queue. */
  left(): void {
    if (this.#waiters.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

class TurnWaiter extends Waiter<void> {
  readonly #limiter: SlidingWindow;

  constructor(scope: ScopeNode, limiter: SlidingWindow) {
    super(scope);
    this.#limiter = limiter;
  }

  protected override abandoned(): void {
    this.#limiter.left();
  }
}
