/** The two halves of a channel, as their users see them. */

/** What happens to a value that is sent while the buffer is full. */
export type Overflow = "suspend" | "dropOldest" | "dropLatest" | "conflate";

/** How a channel deals with a value that finds no room, or no receiver. */
export interface ChannelOptions<T> {
  /**
   * What happens to a value that is sent while the buffer is full: its sender waits for room (`"suspend"`, the default), the oldest
   * value in the buffer makes room (`"dropOldest"`), or the value itself is dropped (`"dropLatest"`). `"conflate"` keeps the latest value only:
   * it is `"dropOldest"` with the capacity 1, and allows no other. Where values are dropped, `send` never waits for room.
   */
  readonly overflow?: Overflow;
  /**
   * Called with each value that was accepted and that nobody will ever receive, once: dropped, or still in the buffer when the last
   * receiver closed. (What a `send` that threw was to send was never accepted.) Called within the `send` or `close` that lost the value, when the
   * channel is in order again. An error that it throws is raised as an unhandled rejection, and changes nothing else.
   */
  readonly onUndelivered?: (value: T) => void;
}

/** A channel at one moment. */
export interface ChannelStatistics {
  /** How many values are in the buffer. */
  readonly buffered: number;
  readonly capacity: number;
  /** How many `send`s wait for room, or for a receiver. */
  readonly waitingSenders: number;
  /** How many `receive`s wait for a value. */
  readonly waitingReceivers: number;
  /** How many senders are open, clones included. */
  readonly openSenders: number;
  /** How many receivers are open, clones included. */
  readonly openReceivers: number;
}

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
  /**
   * Sends `value` if that needs no waiting, and says whether it was sent. Never waits, is no checkpoint, and works outside of tasks too.
   *
   * @throws ClosedError if this sender is closed.
   * @throws BrokenError if no receiver remains.
   */
  trySend(value: T): boolean;
  /** Another sender of the same channel; the channel ends when all are closed. @throws ClosedError if this one is. */
  clone(): Sender<T>;
  statistics(): ChannelStatistics;
  /** Wakes those blocked in this sender with `ClosedError`. Idempotent, never waits. */
  close(): void;
  /**
   * Closes because something went wrong: once all senders are closed and what they sent has been received, the receivers get
   * `BrokenError` with `reason` as its cause (the first one, of several) in place of the end. Does nothing on a closed sender.
   */
  abort(reason?: unknown): void;
  [Symbol.dispose](): void;
}

/** The receiving half of a channel. Iterating ends at the end of the channel; leaving the loop closes nothing. */
export interface Receiver<T> extends AsyncIterable<T, undefined> {
  /**
   * Waits for the next value. Always a checkpoint. Atomic under cancellation: a value is never lost.
   *
   * @throws EndOfChannel if every sender is closed and the buffer is empty.
   * @throws BrokenError in place of that if a sender was aborted.
   * @throws ClosedError if this receiver is closed.
   */
  receive(): Promise<T>;
  /**
   * The next value if there is one, as `{ value }`; else `undefined`. Never waits, is no checkpoint, and works outside of tasks too.
   *
   * @throws EndOfChannel, BrokenError, ClosedError as `receive` does.
   */
  tryReceive(): { value: T } | undefined;
  /** Another receiver of the same channel: each value goes to one of them. @throws ClosedError if this one is. */
  clone(): Receiver<T>;
  statistics(): ChannelStatistics;
  /** Wakes those blocked in this receiver with `ClosedError`. Idempotent, never waits. */
  close(): void;
  [Symbol.dispose](): void;
}
