/**
 * One value for many: each subscription sees every value that was sent since it was made.
 *
 * The last `capacity` values are kept once for all, numbered in the order of sending, and a subscription is a position in that
 * order. So sending costs nothing per subscriber that is behind, and never waits; who falls behind the oldest kept value has lagged.
 *
 * Invariants
 * - A subscription whose receivers wait is at the end: they are handed the next value at once.
 * - Values are kept only while somebody is subscribed.
 *
 *   a subscription that is        receive
 *   at the end, a sender open     waits
 *   behind, within what is kept   the next value
 *   behind what is kept           LaggedError with the number of values missed; then goes on with the oldest kept
 *   at the end, all senders shut  EndOfChannel
 *   closed                        ClosedError
 *
 * Rejected: a buffer for each subscription (a slow one costs memory for each value once more); waiting for the slowest (one stuck
 * subscriber stops everybody: for that, send to a channel each).
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { ClosedError, EndOfChannel } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { failAll } from "./fail-all.ts";
import { LaggedError } from "./lagged-error.ts";
import { ReceiveIterator } from "./receive-iterator.ts";

const CLOSED = "receive on a closed subscription";
const ENDED = "receive on a broadcast whose senders are all closed, with nothing left to receive";

/** The sending half of a broadcast. */
export interface BroadcastSender<T> {
  /**
   * Gives `value` to all who are subscribed now; without any, it goes nowhere. Never waits, is no checkpoint, and works outside of tasks too.
   *
   * @throws ClosedError if this sender is closed.
   */
  send(value: T): void;
  /** Another sender of the same broadcast, which ends when all are closed. @throws ClosedError if this one is. */
  clone(): BroadcastSender<T>;
  /** Idempotent, never waits. */
  close(): void;
  [Symbol.dispose](): void;
}

/** Where to subscribe to a broadcast. */
export interface BroadcastSource<T> {
  /** A subscription to all that is sent from now on. (If the senders are all closed, it is at its end.) */
  subscribe(): Subscription<T>;
}

/**
 * What one subscriber has not received yet. Iterating ends at the end of the broadcast; leaving the loop closes nothing, so a loop
 * that a `LaggedError` has left may be entered again.
 */
export interface Subscription<T> extends AsyncIterable<T, undefined> {
  /**
   * Waits for the next value. Always a checkpoint. Atomic under cancellation: it skips no value.
   *
   * @throws LaggedError once, if values were dropped before they were received; the next call goes on with the oldest that was kept.
   * @throws EndOfChannel if every sender is closed and all that was sent has been received.
   * @throws ClosedError if this subscription is closed.
   */
  receive(): Promise<T>;
  /** The next value if there is one, as `{ value }`; else `undefined`. Never waits, is no checkpoint. Throws what `receive` throws. */
  tryReceive(): { value: T } | undefined;
  /** Wakes those blocked in this subscription with `ClosedError`. Idempotent, never waits. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Makes a broadcast that keeps the last `capacity` values for slow subscribers, and returns the half that sends and the half to subscribe to.
 *
 * @throws RangeError if `capacity` is not a whole number of at least 1.
 *
 * @example
 * ```ts
 * const [sender, news] = broadcast<string>(16);
 * using subscription = news.subscribe();
 * sender.send("first");
 * console.log(await subscription.receive());
 * ```
 */
export function broadcast<T>(capacity: number): [sender: BroadcastSender<T>, source: BroadcastSource<T>] {
  if (!(Number.isSafeInteger(capacity) && capacity >= 1)) {
    throw new RangeError(`broadcast: expected a capacity of at least 1, a whole number, got ${String(capacity)}`);
  }
  const state = new BroadcastState<T>(capacity);
  return [new StateSender(state), { subscribe: () => new StateSubscription(state) }];
}

class BroadcastState<T> {
  /** The value with the number `n` is at `n % capacity`. */
  readonly #kept: T[] = [];
  readonly #capacity: number;
  readonly subscriptions = new Set<StateSubscription<T>>();
  openSenders = 0;
  /** The number that the next value gets. */
  end = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The number of the oldest value that a subscription could still find. */
  get oldest(): number {
    return Math.max(0, this.end - this.#capacity);
  }

  at(number: number): T {
    return this.#kept[number % this.#capacity] as T;
  }

  send(value: T): void {
    if (this.subscriptions.size === 0) return;
    this.#kept[this.end % this.#capacity] = value;
    this.end++;
    for (const subscription of this.subscriptions) subscription.sent(value);
  }

  unsubscribe(subscription: StateSubscription<T>): void {
    this.subscriptions.delete(subscription);
    if (this.subscriptions.size > 0) return;
    this.#kept.length = 0;
    this.end = 0;
  }
}

class StateSender<T> implements BroadcastSender<T> {
  readonly #state: BroadcastState<T>;
  #isClosed = false;

  constructor(state: BroadcastState<T>) {
    this.#state = state;
    state.openSenders++;
  }

  send(value: T): void {
    if (this.#isClosed) throw closedSender();
    this.#state.send(value);
  }

  clone(): BroadcastSender<T> {
    if (this.#isClosed) throw closedSender();
    return new StateSender(this.#state);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (--this.#state.openSenders > 0) return;
    for (const subscription of this.#state.subscriptions) subscription.ended();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  static {
    printsAs(StateSender, () => ({}), "BroadcastSender");
  }
}

class StateSubscription<T> implements Subscription<T> {
  readonly #state: BroadcastState<T>;
  readonly #waiters = new WaitQueue<Waiter<T>>();
  /** The number of the value that is received next. */
  #next: number;
  #isClosed = false;

  constructor(state: BroadcastState<T>) {
    this.#state = state;
    this.#next = state.end;
    state.subscriptions.add(this);
  }

  receive(): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.receive());
    const error = this.#obstacle();
    if (error !== undefined) return Promise.reject(error);
    if (this.#next < this.#state.end) return Promise.resolve(this.#state.at(this.#next++));
    const waiter = new Waiter<T>(scope);
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  tryReceive(): { value: T } | undefined {
    const error = this.#obstacle();
    if (error !== undefined) throw error;
    return this.#next < this.#state.end ? { value: this.#state.at(this.#next++) } : undefined;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new ReceiveIterator(this, this.receive);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    failAll(this.#waiters, closedSubscription);
    this.#state.unsubscribe(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A value was sent. Whoever waits here has received all before it. */
  sent(value: T): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return;
    this.#next++;
    waiter.wake(value);
  }

  /** No more will be sent. */
  ended(): void {
    failAll(this.#waiters, endOfBroadcast);
  }

  /** Why nothing can be received now, if so. A lag is told once, and ends by being told. */
  #obstacle(): Error | undefined {
    if (this.#isClosed) return new ClosedError(CLOSED);
    const { oldest, end, openSenders } = this.#state;
    if (this.#next < oldest) {
      const missed = oldest - this.#next;
      this.#next = oldest;
      return new LaggedError(
        `a subscriber of a broadcast was too slow and missed ${missed} ${missed === 1 ? "value" : "values"}: ` +
          "receive faster, or make the capacity larger",
        missed,
      );
    }
    return this.#next === end && openSenders === 0 ? new EndOfChannel(ENDED) : undefined;
  }

  static {
    printsAs(StateSubscription, () => ({}), "Subscription");
  }
}

function closedSender(): ClosedError {
  return new ClosedError("send on a closed sender of a broadcast");
}

function closedSubscription(): ClosedError {
  return new ClosedError(CLOSED);
}

function endOfBroadcast(): EndOfChannel {
  return new EndOfChannel(ENDED);
}
