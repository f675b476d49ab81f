/**
 * A bounded queue between tasks, in two halves that can be cloned and closed apart.
 *
 * Invariants
 * - A value sent is received once, or still in the buffer, or was dropped as the overflow policy says and the undelivered hook
 *   has seen it: `send` and `receive` either happen or do not.
 * - While a receiver waits, the buffer is empty and no sender waits; while a sender waits, the buffer is full.
 * - Values, senders and receivers are served first come, first served; `trySend` and `tryReceive` overtake nobody.
 *
 *   what is open                  send                    receive
 *   both halves                   waits for room          waits for a value
 *   no sender any more            (ClosedError)           what is buffered, then EndOfChannel (BrokenError if one was aborted)
 *   no receiver any more          BrokenError             (ClosedError)
 *
 * With capacity 0 it is a rendezvous: `send` returns when a receiver has taken the value. There is no buffer then, so there is nothing
 * that a dropping policy could keep or drop, and asking for one is an error. (Others read it as "capacity 1" in silence.)
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { ClosedError } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import { ChannelState, noReceiver, type ReceiveWaiter, type SendWaiter } from "./channel-state.ts";
import { failEach } from "./fail-all.ts";
import { drainOf, type Half, splitQueue } from "./half-queue.ts";
import type { ChannelOptions, ChannelStatistics, Overflow, Receiver, Sender } from "./halves.ts";
import { ReceiveIterator } from "./receive-iterator.ts";

const OVERFLOWS: readonly Overflow[] = ["suspend", "dropOldest", "dropLatest", "conflate"];

/**
 * Makes a channel that buffers up to `capacity` values (0: rendezvous, `Infinity`: unbounded) and returns its two halves.
 *
 * @throws RangeError if `capacity` is not a whole number, zero or more, or `Infinity`; or if it does not go with the overflow policy:
 * `"conflate"` needs 1, `"dropOldest"` and `"dropLatest"` at least 1.
 *
 * @example
 * ```ts
 * const [sender, receiver] = channel<string>(10);
 * await taskGroup(async (group) => {
 *   group.spawn(async () => {
 *     for await (const line of receiver) console.log(line);
 *   });
 *   await sender.send("hello");
 *   sender.close();
 * });
 * ```
 */
export function channel<T>(
  capacity: number,
  options: ChannelOptions<T> = {},
): [sender: Sender<T>, receiver: Receiver<T>] {
  const { overflow = "suspend", onUndelivered } = options;
  checkCapacity(capacity, overflow);
  const state = new ChannelState<T>(capacity, overflow, onUndelivered);
  return [new ChannelSender(state), new ChannelReceiver(state)];
}

function checkCapacity(capacity: number, overflow: Overflow): void {
  if (!OVERFLOWS.includes(overflow)) {
    throw new RangeError(`channel: expected an overflow policy of ${OVERFLOWS.join(", ")}, got ${String(overflow)}`);
  }
  if (!(capacity === Infinity || (Number.isInteger(capacity) && capacity >= 0))) {
    throw new RangeError(`channel: expected a capacity of zero or more, or Infinity, got ${String(capacity)}`);
  }
  if (overflow === "conflate" && capacity !== 1) {
    throw new RangeError(`channel: "conflate" keeps one value, so expected a capacity of 1, got ${capacity}`);
  }
  if (overflow !== "suspend" && capacity === 0) {
    throw new RangeError(`channel: "${overflow}" needs a buffer, so expected a capacity of at least 1, got 0`);
  }
}

class ChannelSendWaiter<T> extends Waiter<void> implements SendWaiter<T> {
  readonly value: T;
  readonly half: ChannelSender<T>;

  constructor(scope: ScopeNode, half: ChannelSender<T>, value: T) {
    super(scope);
    this.half = half;
    this.value = value;
  }
}

class ChannelReceiveWaiter<T> extends Waiter<T> implements ReceiveWaiter<T> {
  readonly half: ChannelReceiver<T>;

  constructor(scope: ScopeNode, half: ChannelReceiver<T>) {
    super(scope);
    this.half = half;
  }
}

class ChannelSender<T> implements Sender<T>, Half<SendWaiter<T>> {
  readonly #state: ChannelState<T>;
  waits: Half<SendWaiter<T>>["waits"] = null;
  #isClosed = false;

  constructor(state: ChannelState<T>) {
    this.#state = state;
    state.openSenders++;
  }

  send(value: T): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.send(value));
    if (this.#isClosed) return Promise.reject(closedSender());
    const state = this.#state;
    if (state.openReceivers === 0) return Promise.reject(noReceiver());
    if (state.accept(value)) return DONE;
    const waiter = new ChannelSendWaiter(scope, this, value);
    state.senders.push(waiter);
    return waiter.promise;
  }

  trySend(value: T): boolean {
    if (this.#isClosed) throw closedSender();
    if (this.#state.openReceivers === 0) throw noReceiver();
    return this.#state.accept(value);
  }

  clone(): Sender<T> {
    if (this.#isClosed) throw closedSender();
    this.#state.senders = splitQueue(this.#state.senders);
    return new ChannelSender(this.#state);
  }

  statistics(): ChannelStatistics {
    return this.#state.statistics();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    failEach(drainOf(this.#state.senders, this), closedSender);
    this.#state.senderClosed();
  }

  abort(reason?: unknown): void {
    if (!this.#isClosed) this.#state.aborted(reason);
    this.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  static {
    printsAs(ChannelSender, (sender) => sender.statistics(), "Sender");
  }
}

class ChannelReceiver<T> implements Receiver<T>, Half<ReceiveWaiter<T>> {
  readonly #state: ChannelState<T>;
  waits: Half<ReceiveWaiter<T>>["waits"] = null;
  #isClosed = false;

  constructor(state: ChannelState<T>) {
    this.#state = state;
    state.openReceivers++;
  }

  receive(): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.receive());
    if (this.#isClosed) return Promise.reject(closedReceiver());
    const state = this.#state;
    if (state.hasValue) return Promise.resolve(state.take());
    if (state.openSenders === 0) return Promise.reject(state.end());
    const waiter = new ChannelReceiveWaiter(scope, this);
    state.receivers.push(waiter);
    return waiter.promise;
  }

  tryReceive(): { value: T } | undefined {
    if (this.#isClosed) throw closedReceiver();
    if (this.#state.hasValue) return { value: this.#state.take() };
    if (this.#state.openSenders === 0) throw this.#state.end();
    return undefined;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new ReceiveIterator(this, this.receive);
  }

  clone(): Receiver<T> {
    if (this.#isClosed) throw closedReceiver();
    this.#state.receivers = splitQueue(this.#state.receivers);
    return new ChannelReceiver(this.#state);
  }

  statistics(): ChannelStatistics {
    return this.#state.statistics();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    failEach(drainOf(this.#state.receivers, this), closedReceiver);
    this.#state.receiverClosed();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  static {
    printsAs(ChannelReceiver, (receiver) => receiver.statistics(), "Receiver");
  }
}

function closedSender(): ClosedError {
  return new ClosedError("send on a closed sender");
}

function closedReceiver(): ClosedError {
  return new ClosedError("receive on a closed receiver");
}
