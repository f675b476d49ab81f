/**
 * The latest value only: a setting, a state, a progress that many look at and that nobody needs the history of.
 *
 * Values are numbered, and a receiver remembers the number of the latest one that it has seen.
 *
 *   what is open             latest value      send          changed
 *   both                     seen              replaces it   waits
 *   both                     not seen          replaces it   gives it, and it is seen
 *   no sender any more       not seen          (ClosedError) gives it, and it is seen
 *   no sender any more       seen              (ClosedError) EndOfChannel
 *   no receiver any more                       BrokenError   (ClosedError)
 *
 * `changed` gives the value that it marks as seen, instead of leaving that to a second look: a value that comes between waking up and
 * looking is then never marked as seen by mistake.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { BrokenError, ClosedError, EndOfChannel } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { failAll, failEach } from "./fail-all.ts";
import { drainOf, type Half, splitQueue } from "./half-queue.ts";
import { ReceiveIterator } from "./receive-iterator.ts";

/** The half of a watch that sets its value. */
export interface WatchSender<T> {
  /** The latest value. */
  readonly value: T;
  /**
   * Replaces the value; to every receiver it is a new one, even if it equals the old. Never waits, is no checkpoint, and works outside of tasks too.
   *
   * @throws ClosedError if this sender is closed.
   * @throws BrokenError if no receiver remains.
   */
  send(value: T): void;
  /** Replaces the value by what `fn` makes of it. If `fn` throws, nothing has changed. Throws what `send` throws, before `fn` is called. */
  modify(fn: (value: T) => T): void;
  /** Another sender of the same watch, which ends when all are closed. @throws ClosedError if this one is. */
  clone(): WatchSender<T>;
  /** Idempotent, never waits. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * The half of a watch that looks at its value. Iterating gives each time the latest value if it was not seen yet (what came and went in between is
 * skipped), and ends at the end of the watch; leaving the loop closes nothing.
 */
export interface WatchReceiver<T> extends AsyncIterable<T, undefined> {
  /** The latest value, whether seen or not. Looking does not make it seen. */
  readonly value: T;
  /** Whether the latest value is one that this receiver has not seen: `changed` would not wait. */
  readonly hasChanged: boolean;
  /**
   * Waits until there is a value that this receiver has not seen, gives the latest and marks it as seen. The value that was there when the
   * receiver was made counts as seen; a clone has seen what its original had. Always a checkpoint. Cancelled, it has marked nothing.
   *
   * @throws EndOfChannel if every sender is closed and the latest value was seen.
   * @throws ClosedError if this receiver is closed.
   */
  changed(): Promise<T>;
  /** Another receiver, with a mark of its own. @throws ClosedError if this one is closed. */
  clone(): WatchReceiver<T>;
  /** Wakes those blocked in this receiver with `ClosedError`. Idempotent, never waits. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Makes a watch that holds `initial`, and returns its two halves.
 *
 * @example
 * ```ts
 * const [level, levels] = watch("info");
 * level.send("debug");
 * console.log(levels.value, await levels.changed());
 * ```
 */
export function watch<T>(initial: T): [sender: WatchSender<T>, receiver: WatchReceiver<T>] {
  const state = new WatchState<T>(initial);
  return [new StateSender(state), new StateReceiver(state, state.version)];
}

class WatchState<T> {
  waiters: WaitQueue<ChangeWaiter<T>> = new WaitQueue();
  openSenders = 0;
  openReceivers = 0;
  version = 0;
  value: T;

  constructor(value: T) {
    this.value = value;
  }

  replace(value: T): void {
    this.value = value;
    this.version++;
    for (let waiter = this.waiters.shift(); waiter !== undefined; waiter = this.waiters.shift()) {
      waiter.half.seen = this.version;
      waiter.wake(value);
    }
  }
}

class ChangeWaiter<T> extends Waiter<T> {
  readonly half: StateReceiver<T>;

  constructor(scope: ScopeNode, half: StateReceiver<T>) {
    super(scope);
    this.half = half;
  }
}

class StateSender<T> implements WatchSender<T> {
  readonly #state: WatchState<T>;
  #isClosed = false;

  constructor(state: WatchState<T>) {
    this.#state = state;
    state.openSenders++;
  }

  get value(): T {
    return this.#state.value;
  }

  send(value: T): void {
    this.#checkOpen();
    this.#state.replace(value);
  }

  modify(fn: (value: T) => T): void {
    this.#checkOpen();
    this.#state.replace(fn(this.#state.value));
  }

  clone(): WatchSender<T> {
    if (this.#isClosed) throw closedSender();
    return new StateSender(this.#state);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (--this.#state.openSenders === 0) failAll(this.#state.waiters, endOfWatch);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedSender();
    if (this.#state.openReceivers === 0) throw new BrokenError("send on a watch whose receivers are all closed");
  }

  static {
    printsAs(StateSender, ({ value }) => ({ value }), "WatchSender");
  }
}

class StateReceiver<T> implements WatchReceiver<T>, Half<ChangeWaiter<T>> {
  readonly #state: WatchState<T>;
  waits: Half<ChangeWaiter<T>>["waits"] = null;
  #isClosed = false;
  /** The number of the latest value that was seen. */
  seen: number;

  constructor(state: WatchState<T>, seen: number) {
    this.#state = state;
    this.seen = seen;
    state.openReceivers++;
  }

  get value(): T {
    return this.#state.value;
  }

  get hasChanged(): boolean {
    return this.seen < this.#state.version;
  }

  changed(): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.changed());
    if (this.#isClosed) return Promise.reject(closedReceiver());
    const state = this.#state;
    if (this.hasChanged) {
      this.seen = state.version;
      return Promise.resolve(state.value);
    }
    if (state.openSenders === 0) return Promise.reject(endOfWatch());
    const waiter = new ChangeWaiter(scope, this);
    state.waiters.push(waiter);
    return waiter.promise;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new ReceiveIterator(this, this.changed);
  }

  clone(): WatchReceiver<T> {
    if (this.#isClosed) throw closedReceiver();
    this.#state.waiters = splitQueue(this.#state.waiters);
    return new StateReceiver(this.#state, this.seen);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    failEach(drainOf(this.#state.waiters, this), closedReceiver);
    this.#state.openReceivers--;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  static {
    printsAs(StateReceiver, ({ value, hasChanged }) => ({ value, hasChanged }), "WatchReceiver");
  }
}

function closedSender(): ClosedError {
  return new ClosedError("send on a closed sender of a watch");
}

function closedReceiver(): ClosedError {
  return new ClosedError("changed on a closed receiver of a watch");
}

function endOfWatch(): EndOfChannel {
  return new EndOfChannel("changed on a watch whose senders are all closed, with its latest value seen");
}
