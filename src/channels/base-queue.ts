/**
 * What asyncio's queues have in common: all but the order in which values come out, which is a `Store`.
 *
 *   the queue is        put                 get                          join
 *   open                waits for room      waits for a value            waits until each value is done
 *   shut down           ClosedError         what is left, then           the same; an immediate shutdown
 *                                           EndOfChannel                 counts what it dropped as done
 *
 * Invariants
 * - A value that was put is got once, or still in the store, or was returned by an immediate shutdown.
 * - While a getter waits, the store is empty and no putter waits; while a putter waits, the store is full.
 * - Getters and putters are served first come, first served: a value is handed over, so nobody is told to look again, and a getter
 *   that is cancelled after it was woken has its value (rule 6).
 * - `unfinished` counts the values that were put and are not done. A put that still waits does not count.
 *
 * A store may refuse a value by throwing (a comparator is user code); then the put that brought the value fails, and nothing has changed.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { ClosedError, EndOfChannel, InvalidStateError } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { failAll } from "./fail-all.ts";
import { ReceiveIterator } from "./receive-iterator.ts";

/** Where a queue keeps its values, and in which order they leave. */
export interface Store<T> {
  readonly size: number;
  /** May throw, and has then changed nothing. */
  push(value: T): void;
  /** Takes out the value whose turn it is. May throw, and has then changed nothing. There must be one. */
  shift(): T | undefined;
  /** Takes out all values, in the order in which they came. Throws only where `push` or `shift` is under way. */
  clear(): T[];
}

export abstract class BaseQueue<T> implements AsyncIterable<T, undefined> {
  /** How many values it holds at most. */
  readonly maxSize: number;
  readonly #store: Store<T>;
  readonly #putters = new WaitQueue<PutWaiter<T>>();
  readonly #getters = new WaitQueue<Waiter<T>>();
  readonly #joiners = new WaitQueue<Waiter<void>>();
  #unfinished = 0;
  #isShutDown = false;

  constructor(maxSize: number, store: Store<T>) {
    if (!(maxSize === Infinity || (Number.isInteger(maxSize) && maxSize >= 1))) {
      throw new RangeError(`maxSize: expected a whole number of at least 1, or Infinity, got ${String(maxSize)}`);
    }
    this.maxSize = maxSize;
    this.#store = store;
  }

  /** How many values are in the queue. */
  get size(): number {
    return this.#store.size;
  }

  get isEmpty(): boolean {
    return this.#store.size === 0;
  }

  /** Whether a `put` would wait. */
  get isFull(): boolean {
    return this.#store.size >= this.maxSize;
  }

  /** Whether `shutdown` was called. */
  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  /** How many values were put, and got or not, without a `taskDone()` for them yet. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /**
   * Puts `value` into the queue, waiting while it is full. Always a checkpoint. Atomic under cancellation: the value is in the queue, or the queue
   * is unchanged.
   *
   * @throws ClosedError if the queue is shut down.
   */
  put(value: T): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.put(value));
    if (this.#isShutDown) return Promise.reject(putAfterShutdown());
    try {
      if (this.#accept(value)) return DONE;
    } catch (error) {
      return Promise.reject(error);
    }
    const waiter = new PutWaiter(scope, value);
    this.#putters.push(waiter);
    return waiter.promise;
  }

  /**
   * Puts `value` into the queue if there is room, and says whether it did. Never waits, is no checkpoint, and works outside of tasks too.
   *
   * @throws ClosedError if the queue is shut down.
   */
  tryPut(value: T): boolean {
    if (this.#isShutDown) throw putAfterShutdown();
    return this.#accept(value);
  }

  /**
   * Waits for a value and takes it out. Always a checkpoint. Atomic under cancellation: a value is never lost.
   *
   * @throws EndOfChannel if the queue is shut down and empty.
   */
  get(): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.get());
    if (this.#store.size > 0) {
      try {
        return Promise.resolve(this.#take());
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (this.#isShutDown) return Promise.reject(endOfQueue());
    const waiter = new Waiter<T>(scope);
    this.#getters.push(waiter);
    return waiter.promise;
  }

  /**
   * Takes out a value if there is one and gives it as `{ value }`; else `undefined`. Never waits, is no checkpoint, and works outside of tasks too.
   *
   * @throws EndOfChannel if the queue is shut down and empty.
   */
  tryGet(): { value: T } | undefined {
    if (this.#store.size > 0) return { value: this.#take() };
    if (this.#isShutDown) throw endOfQueue();
    return undefined;
  }

  /**
   * Says that the work on one value that was got is done.
   *
   * @throws InvalidStateError if it is called more often than values were put.
   */
  taskDone(): void {
    if (this.#unfinished === 0) throw new InvalidStateError("taskDone() was called more often than values were put");
    this.#finished(1);
  }

  /** Waits until there has been a `taskDone()` for every value that was put. Always a checkpoint. */
  join(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.join());
    if (this.#unfinished === 0) return DONE;
    const waiter = new Waiter<void>(scope);
    this.#joiners.push(waiter);
    return waiter.promise;
  }

  /**
   * Ends the queue: a `put`, also one that waits, throws `ClosedError`; a `get` gives what is left, and then throws `EndOfChannel`.
   * With `immediate`, nothing is left: what is in the queue is dropped, counts as done, and is returned in the order in which it was put.
   * Idempotent, never waits; an immediate one may follow a gentle one.
   */
  shutdown(options: { readonly immediate?: boolean } = {}): T[] {
    const dropped = options.immediate === true ? this.#store.clear() : [];
    this.#isShutDown = true;
    failAll(this.#putters, putAfterShutdown);
    failAll(this.#getters, endOfQueue);
    if (dropped.length > 0) this.#finished(Math.min(dropped.length, this.#unfinished));
    return dropped;
  }

  /** Gives what `get` gives and ends when the queue is shut down and empty; leaving the loop changes nothing. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new ReceiveIterator(this, this.get);
  }

  /** Hands `value` over, or stores it. False: there is no room. */
  #accept(value: T): boolean {
    if (this.#store.size >= this.maxSize) return false;
    // By way of the store, which may refuse it, even if somebody waits for it.
    this.#store.push(value);
    this.#unfinished++;
    if (this.#getters.size > 0) {
      const first = this.#store.shift() as T;
      this.#getters.shift()?.wake(first);
    }
    return true;
  }

  /** Takes a value out and lets in who waits first for the room. */
  #take(): T {
    const value = this.#store.shift() as T;
    for (let putter = this.#putters.shift(); putter !== undefined; putter = this.#putters.shift()) {
      if (this.#letIn(putter)) break;
    }
    return value;
  }

  #letIn(putter: PutWaiter<T>): boolean {
    try {
      this.#store.push(putter.value);
    } catch (error) {
      putter.fail(() => error);
      return false;
    }
    this.#unfinished++;
    putter.wake();
    return true;
  }

  #finished(count: number): void {
    this.#unfinished -= count;
    if (this.#unfinished > 0) return;
    for (let joiner = this.#joiners.shift(); joiner !== undefined; joiner = this.#joiners.shift()) joiner.wake();
  }

  static {
    printsAs(BaseQueue, ({ size, maxSize, unfinished, isShutDown }) => ({ size, maxSize, unfinished, isShutDown }));
  }
}

class PutWaiter<T> extends Waiter<void> {
  readonly value: T;

  constructor(scope: ScopeNode, value: T) {
    super(scope);
    this.value = value;
  }
}

function putAfterShutdown(): ClosedError {
  return new ClosedError("put into a queue that was shut down");
}

function endOfQueue(): EndOfChannel {
  return new EndOfChannel("get from a queue that was shut down, with nothing left in it");
}
