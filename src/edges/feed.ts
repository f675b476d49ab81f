/**
 * What users see of a feed: the end that code outside of tasks pushes into, and the end that tasks receive from.
 */

/** How much a feed keeps for its reader, and what it does with more. */
export interface FeedOptions {
  /** How many values may wait to be received: a whole number, one or more, or `Infinity`. */
  readonly capacity: number;
  /**
   * What a value does that finds the buffer full: it ends the feed, so that those who receive get what is buffered and then an
   * `OverflowError` ("fail", the default); it takes the place of the oldest; or it is the one that is dropped.
   */
  readonly overflow?: "fail" | "dropOldest" | "dropLatest";
}

/** The end of a feed that code outside calls. None of it waits; what comes after the first `end` or `failWith` is ignored. */
export interface FeedInlet<T> {
  push(value: T): void;
  /** No value comes any more. */
  end(): void;
  /** No value comes any more, because of `error`. */
  failWith(error: unknown): void;
}

/** The end of a feed that tasks receive from. A loop over it ends with the feed; leaving the loop, in whatever way, closes it. */
export interface Feed<T> extends AsyncIterable<T, undefined> {
  /** How many values were dropped because the buffer was full. */
  readonly dropped: number;
  /**
   * Waits for the next value. Always a checkpoint; a cancelled wait has taken nothing and the feed stays open.
   *
   * @throws EndOfChannel if the feed has ended and everything was received.
   * @throws OverflowError if it ended because its buffer was full.
   * @throws ClosedError if it is closed.
   * @throws the error that the source ended with.
   */
  receive(): Promise<T>;
  /** Lets go of the source and of what is buffered, and wakes those who wait with `ClosedError`. Idempotent, never waits. */
  close(): void;
  [Symbol.dispose](): void;
}
