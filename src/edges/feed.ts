/**
 * Values that code outside of tasks pushes, as a bounded buffer that a task receives from: the way in for callbacks that are
 * called again and again.
 *
 *   state    push                   receive
 *   open     buffered, or handed    waits for a value
 *   ended    ignored                what is buffered, then EndOfChannel or the error that it ended with
 *   closed   ignored                ClosedError
 *
 * Whoever pushes cannot be made to wait, so what happens when the buffer is full is the user's choice; nothing grows without a
 * limit unless that limit was given as `Infinity`. Unlike a channel's receiver, it is closed by leaving a loop over it: its source
 * would go on pushing to nobody.
 *
 * Invariant: while a receiver waits, the buffer is empty. What was begun is undone once, when the feed is no longer open.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { ClosedError, EndOfChannel, OverflowError } from "../kernel/errors.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { type Waiting, WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";

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

/**
 * Calls `begin`, which is to see to it that values are pushed, and returns the feed of those values. A function that `begin`
 * returns is called when the feed ends or is closed. Nothing is missed between this call and the first `receive`. Close it, or
 * declare it with `using`, unless a loop over it follows at once.
 *
 * @throws RangeError if the capacity is not a whole number, one or more, or `Infinity`, or `overflow` is none of its values.
 * @throws what `begin` throws.
 *
 * @example
 * ```ts
 * using changes = openFeed<string>((inlet) => {
 *   const watcher = watch(directory, (_kind, name) => inlet.push(name ?? ""));
 *   return () => watcher.close();
 * }, { capacity: 100 });
 * for await (const name of changes) console.log(name);
 * ```
 */
export function openFeed<T>(begin: (inlet: FeedInlet<T>) => unknown, options: FeedOptions): Feed<T> {
  const { capacity, overflow = "fail" } = options;
  if (!(capacity === Infinity || (Number.isInteger(capacity) && capacity >= 1))) {
    throw new RangeError(`capacity: expected a whole number, one or more, or Infinity, got ${String(capacity)}`);
  }
  if (!["fail", "dropOldest", "dropLatest"].includes(overflow)) {
    throw new RangeError(`overflow: expected "fail", "dropOldest" or "dropLatest", got ${String(overflow)}`);
  }
  const feed = new BufferedFeed<T>(capacity, overflow);
  feed.hasBegun(begin(feed));
  return feed;
}

class BufferedFeed<T> implements Feed<T>, FeedInlet<T> {
  dropped = 0;
  readonly #capacity: number;
  readonly #overflow: NonNullable<FeedOptions["overflow"]>;
  readonly #buffer = new WaitQueue<Held<T>>();
  readonly #receivers = new WaitQueue<Waiter<T>>();
  #state: "open" | "ended" | "closed" = "open";
  /** What those get who receive when it is not open and nothing is buffered. */
  #makeError: () => unknown = closed;
  #undo: (() => unknown) | undefined;

  constructor(capacity: number, overflow: NonNullable<FeedOptions["overflow"]>) {
    this.#capacity = capacity;
    this.#overflow = overflow;
  }

  hasBegun(undo: unknown): void {
    if (typeof undo === "function") this.#undo = undo as () => unknown;
    if (this.#state !== "open") this.#unwind();
  }

  push(value: T): void {
    if (this.#state !== "open") return;
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) receiver.wake(value);
    else if (this.#buffer.size < this.#capacity) this.#buffer.push(new Held(value));
    else if (this.#overflow === "fail") this.#end(() => overflowed(this.#capacity));
    else {
      this.dropped++;
      if (this.#overflow === "dropLatest") return;
      this.#buffer.shift();
      this.#buffer.push(new Held(value));
    }
  }

  end(): void {
    this.#end(() => new EndOfChannel("receive on a feed that has ended, with nothing left in it"));
  }

  failWith(error: unknown): void {
    this.#end(() => error);
  }

  receive(): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.receive());
    const held = this.#buffer.shift();
    if (held !== undefined) return Promise.resolve(held.value);
    if (this.#state !== "open") return Promise.reject(this.#makeError());
    const waiter = new Waiter<T>(scope);
    this.#receivers.push(waiter);
    return waiter.promise;
  }

  close(): void {
    if (this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    this.#makeError = closed;
    this.#buffer.drain(() => true);
    this.#failReceivers();
    if (wasOpen) this.#unwind();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    let isOver = false;
    const over = { done: true, value: undefined } as const;
    const next = async (): Promise<IteratorResult<T, undefined>> => {
      if (isOver) return over;
      try {
        return { done: false, value: await this.receive() };
      } catch (error) {
        const isEnd = error instanceof EndOfChannel || (isOver && error instanceof ClosedError);
        isOver = true;
        this.close();
        if (isEnd) return over;
        throw error;
      }
    };
    return {
      next: () => quietly(next),
      return: async () => {
        isOver = true;
        this.close();
        return over;
      },
    };
  }

  #end(makeError: () => unknown): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#makeError = makeError;
    this.#failReceivers();
    this.#unwind();
  }

  #failReceivers(): void {
    for (const receiver of this.#receivers.drain(() => true)) receiver.fail(this.#makeError);
  }

  #unwind(): void {
    const undo = this.#undo;
    this.#undo = undefined;
    undo?.();
  }
}

/** A buffered value, as a link of its queue. */
class Held<T> implements Waiting {
  queue: Waiting["queue"] = null;
  nextInQueue: Waiting | null = null;
  prevInQueue: Waiting | null = null;
  readonly value: T;

  constructor(value: T) {
    this.value = value;
  }
}

function closed(): ClosedError {
  return new ClosedError("receive on a closed feed");
}

function overflowed(capacity: number): OverflowError {
  return new OverflowError(
    `a value came while ${capacity} waited to be received, which is the capacity of the feed: ` +
      'receive faster, raise the capacity, or choose what to drop (overflow: "dropOldest" or "dropLatest")',
  );
}
