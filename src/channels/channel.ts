/**
 * A bounded queue between tasks, in two halves that can be cloned and closed apart.
 *
 * Invariants
 * - A value sent is received once, or still in the buffer: `send` and `receive` either happen or do not.
 * - While a receiver waits, the buffer is empty and no sender waits; while a sender waits, the buffer is full.
 * - Values, senders and receivers are served first come, first served.
 *
 *   what is open                  send                    receive
 *   both halves                   waits for room          waits for a value
 *   no sender any more            (ClosedError)           what is buffered, then EndOfChannel
 *   no receiver any more          BrokenError             (ClosedError)
 *
 * With capacity 0 it is a rendezvous: `send` returns when a receiver has taken the value.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { BrokenError, ClosedError, EndOfChannel } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { type Waiting, WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { Fifo } from "./fifo.ts";

/** The sending half of a channel. */
export interface Sender<T> {
  /**
   * Sends `value`, waiting while the buffer is full. Always a checkpoint. Atomic under cancellation: it either
   * delivers the value or throws `Cancelled` and leaves the channel unchanged.
   *
   * @throws ClosedError if this sender is closed.
   * @throws BrokenError if no receiver remains.
   */
  send(value: T): Promise<void>;
  /** Another sender of the same channel; the channel ends when all are closed. */
  clone(): Sender<T>;
  /** Wakes those blocked in this sender with `ClosedError`. Idempotent, never waits. */
  close(): void;
  [Symbol.dispose](): void;
}

/** The receiving half of a channel. Iterating ends at the end of the channel; leaving the loop closes nothing. */
export interface Receiver<T> extends AsyncIterable<T> {
  /**
   * Waits for the next value. Always a checkpoint. Atomic under cancellation: a value is never lost.
   *
   * @throws EndOfChannel if every sender is closed and the buffer is empty.
   * @throws ClosedError if this receiver is closed.
   */
  receive(): Promise<T>;
  /** Another receiver of the same channel: each value goes to one of them. */
  clone(): Receiver<T>;
  /** Wakes those blocked in this receiver with `ClosedError`. Idempotent, never waits. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Makes a channel that buffers up to `capacity` values (0: rendezvous, `Infinity`: unbounded) and returns its two halves.
 *
 * @throws RangeError if `capacity` is not a whole number, zero or more, or `Infinity`.
 */
export function channel<T>(capacity: number): [sender: Sender<T>, receiver: Receiver<T>] {
  if (!(capacity === Infinity || (Number.isInteger(capacity) && capacity >= 0))) {
    throw new RangeError(`channel: expected a capacity of zero or more, or Infinity, got ${String(capacity)}`);
  }
  const state = new ChannelState<T>(capacity);
  return [new ChannelSender(state), new ChannelReceiver(state)];
}

class ChannelState<T> {
  readonly capacity: number;
  readonly buffer = new Fifo<T>();
  readonly senders = new WaitQueue<SendWaiter<T>>();
  readonly receivers = new WaitQueue<ReceiveWaiter<T>>();
  openSenders = 0;
  openReceivers = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }
}

class SendWaiter<T> extends Waiter<void> {
  readonly value: T;
  readonly half: ChannelSender<T>;

  constructor(scope: ScopeNode, half: ChannelSender<T>, value: T) {
    super(scope);
    this.half = half;
    this.value = value;
  }
}

class ReceiveWaiter<T> extends Waiter<T> {
  readonly half: ChannelReceiver<T>;

  constructor(scope: ScopeNode, half: ChannelReceiver<T>) {
    super(scope);
    this.half = half;
  }
}

class ChannelSender<T> implements Sender<T> {
  readonly #state: ChannelState<T>;
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
    const receiver = state.receivers.shift();
    if (receiver !== undefined) {
      receiver.wake(value);
      return DONE;
    }
    if (state.buffer.size < state.capacity) {
      state.buffer.push(value);
      return DONE;
    }
    const waiter = new SendWaiter(scope, this, value);
    state.senders.push(waiter);
    return waiter.promise;
  }

  clone(): Sender<T> {
    if (this.#isClosed) throw closedSender();
    return new ChannelSender(this.#state);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const state = this.#state;
    failAll(state.senders, (waiter) => waiter.half === this, closedSender);
    if (--state.openSenders === 0) failAll(state.receivers, () => true, endOfChannel);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

class ChannelReceiver<T> implements Receiver<T> {
  readonly #state: ChannelState<T>;
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
    const sender = state.senders.shift();
    if (sender !== undefined) {
      sender.wake();
      if (state.buffer.size === 0) return Promise.resolve(sender.value);
      state.buffer.push(sender.value);
    }
    if (state.buffer.size > 0) return Promise.resolve(state.buffer.shift() as T);
    if (state.openSenders === 0) return Promise.reject(endOfChannel());
    const waiter = new ReceiveWaiter(scope, this);
    state.receivers.push(waiter);
    return waiter.promise;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let value: T;
      try {
        value = await this.receive();
      } catch (error) {
        if (error instanceof EndOfChannel) return;
        throw error;
      }
      yield value;
    }
  }

  clone(): Receiver<T> {
    if (this.#isClosed) throw closedReceiver();
    return new ChannelReceiver(this.#state);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const state = this.#state;
    failAll(state.receivers, (waiter) => waiter.half === this, closedReceiver);
    if (--state.openReceivers === 0) failAll(state.senders, () => true, noReceiver);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Ends the waits that `concerns` picks, in order. */
function failAll<W extends Waiting & { fail(make: () => Error): void }>(
  queue: WaitQueue<W>,
  concerns: (waiter: W) => boolean,
  make: () => Error,
): void {
  for (const waiter of queue.drain(concerns)) waiter.fail(make);
}

function closedSender(): ClosedError {
  return new ClosedError("send on a closed sender");
}

function closedReceiver(): ClosedError {
  return new ClosedError("receive on a closed receiver");
}

function noReceiver(): BrokenError {
  return new BrokenError("send on a channel whose receivers are all closed");
}

function endOfChannel(): EndOfChannel {
  return new EndOfChannel("receive on a channel whose senders are all closed, with nothing left in it");
}
