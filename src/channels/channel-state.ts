/**
 * What the halves of one channel share: the buffer, those who wait, and how many halves are open.
 *
 * A value that was accepted leaves by exactly one of two doors: it is received, or it is given to the undelivered hook. The hook is
 * user code, so it is called last, when every count and queue is right again; it may use the channel.
 */
import { BrokenError, EndOfChannel } from "../kernel/errors.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import type { Waiter } from "../kernel/waiter.ts";
import { failAll } from "./fail-all.ts";
import { Fifo } from "./fifo.ts";
import type { Half } from "./half-queue.ts";
import type { ChannelStatistics, Overflow } from "./halves.ts";

export interface SendWaiter<T> extends Waiter<void> {
  readonly half: Half<SendWaiter<T>>;
  readonly value: T;
}

export interface ReceiveWaiter<T> extends Waiter<T> {
  readonly half: Half<ReceiveWaiter<T>>;
}

export class ChannelState<T> {
  readonly capacity: number;
  readonly buffer: Fifo<T> = new Fifo<T>();
  senders: WaitQueue<SendWaiter<T>> = new WaitQueue();
  receivers: WaitQueue<ReceiveWaiter<T>> = new WaitQueue();
  openSenders = 0;
  openReceivers = 0;
  readonly #overflow: Overflow;
  readonly #onUndelivered: ((value: T) => void) | undefined;
  /** Makes what a receiver gets when no value is left and none can come. */
  end: () => EndOfChannel | BrokenError = endOfChannel;

  constructor(capacity: number, overflow: Overflow, onUndelivered: ((value: T) => void) | undefined) {
    this.capacity = capacity;
    this.#overflow = overflow;
    this.#onUndelivered = onUndelivered;
  }

  /** Hands `value` over, buffers or drops it. False: its sender has to wait. */
  accept(value: T): boolean {
    const receiver = this.receivers.shift();
    if (receiver !== undefined) {
      receiver.wake(value);
      return true;
    }
    if (this.buffer.size < this.capacity) {
      this.buffer.push(value);
      return true;
    }
    if (this.#overflow === "suspend") return false;
    this.#drop(value);
    return true;
  }

  /** Whether there is something to take. */
  get hasValue(): boolean {
    return this.buffer.size > 0 || this.senders.size > 0;
  }

  /** The oldest value, of which there must be one; whoever waits first for room then gets it. */
  take(): T {
    const sender = this.senders.shift();
    if (sender === undefined) return this.buffer.shift() as T;
    let { value } = sender;
    if (this.buffer.size > 0) {
      this.buffer.push(value);
      value = this.buffer.shift() as T;
    }
    // Last, as a case of a `select` that is taken back thereby may run what its user gave it for that.
    sender.wake();
    return value;
  }

  senderClosed(): void {
    if (--this.openSenders === 0) failAll(this.receivers, this.end);
  }

  receiverClosed(): void {
    if (--this.openReceivers > 0) return;
    failAll(this.senders, noReceiver);
    for (const value of this.buffer.clear()) this.#undelivered(value);
  }

  aborted(reason: unknown): void {
    if (this.end !== endOfChannel) return;
    this.end = () =>
      new BrokenError("receive on a channel one of whose senders was aborted: not all was sent", { cause: reason });
  }

  statistics(): ChannelStatistics {
    return {
      buffered: this.buffer.size,
      capacity: this.capacity,
      waitingSenders: this.senders.size,
      waitingReceivers: this.receivers.size,
      openSenders: this.openSenders,
      openReceivers: this.openReceivers,
    };
  }

  #drop(value: T): void {
    if (this.#overflow === "dropLatest") {
      this.#undelivered(value);
      return;
    }
    const oldest = this.buffer.shift() as T;
    this.buffer.push(value);
    this.#undelivered(oldest);
  }

  #undelivered(value: T): void {
    if (this.#onUndelivered === undefined) return;
    try {
      this.#onUndelivered(value);
    } catch (error) {
      // Not to the caller: its `send` or `close` has been done, and nobody may take it for undone.
      void Promise.reject(error);
    }
  }
}

export function noReceiver(): BrokenError {
  return new BrokenError("send on a channel whose receivers are all closed");
}

function endOfChannel(): EndOfChannel {
  return new EndOfChannel("receive on a channel whose senders are all closed, with nothing left in it");
}
