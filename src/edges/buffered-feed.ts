/**
 * Values that code outside of tasks pushes, in a bounded buffer that tasks receive from.
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
import { Cancelled, ClosedError, EndOfChannel } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { markHandledSoon } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { type Waiting, WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { Feed, FeedInlet, FeedOptions } from "./feed.ts";
import { OverflowError } from "./overflow-error.ts";

/** What a `Feed` is behind its two ends. */
export class BufferedFeed<T> implements Feed<T>, FeedInlet<T> {
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
    else if (this.#overflow === "fail") this.#end(overflowed.bind(undefined, this.#capacity));
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
    // With `quietly` around it, an error would show one more frame of ours.
    const next = async (self: () => Promise<unknown>): Promise<IteratorResult<T, undefined>> => {
      if (isOver) return over;
      try {
        return { done: false, value: await this.receive() };
      } catch (error) {
        const isEnd = error instanceof EndOfChannel || (isOver && error instanceof ClosedError);
        isOver = true;
        this.close();
        if (isEnd) return over;
        if (error instanceof Cancelled) markHandledSoon(self);
        throw error;
      }
    };
    return {
      next: () => {
        const promise = next(() => promise);
        return promise;
      },
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
    for (let next = this.#receivers.shift(); next !== undefined; next = this.#receivers.shift())
      next.fail(this.#makeError);
  }

  #unwind(): void {
    const undo = this.#undo;
    this.#undo = undefined;
    undo?.();
  }

  static {
    printsAs(BufferedFeed, ({ dropped }) => ({ dropped }), "Feed");
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
