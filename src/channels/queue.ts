/**
 * The three queues of asyncio; they differ in the order in which values come out, and share all the rest.
 *
 * A queue is one object that everybody shares and that counts the work left; a channel has two halves that are closed apart. Where
 * nobody calls `taskDone` and `join`, a channel is the better choice.
 */
import { BaseQueue } from "./base-queue.ts";
import { Fifo } from "./fifo.ts";
import { Heap } from "./heap.ts";

/**
 * A queue: first in, first out. Full with `maxSize` values.
 *
 * @throws RangeError if `maxSize` is not a whole number of at least 1, or `Infinity`.
 *
 * @example
 * ```ts
 * const jobs = new Queue<string>();
 * await taskGroup(async (group) => {
 *   group.spawn(async () => {
 *     for await (const job of jobs) {
 *       console.log(job);
 *       jobs.taskDone();
 *     }
 *   });
 *   await jobs.put("work");
 *   await jobs.join();
 *   jobs.shutdown();
 * });
 * ```
 */
export class Queue<T> extends BaseQueue<T> {
  constructor(maxSize: number = Infinity) {
    super(maxSize, new Fifo<T>());
  }
}

/**
 * A queue that gives the value that was put last.
 *
 * @throws RangeError if `maxSize` is not a whole number of at least 1, or `Infinity`.
 */
export class LifoQueue<T> extends BaseQueue<T> {
  constructor(maxSize: number = Infinity) {
    super(maxSize, new Stack<T>());
  }
}

/** What comes first: by a number for each value, or by comparing two. */
export type PriorityQueueOptions<T> = {
  readonly maxSize?: number;
} & (
  | {
      /** The smaller, the earlier. Called once for each value that is put; it must not be `NaN`. */
      readonly priority: (value: T) => number;
      readonly compare?: never;
    }
  | {
      /** Negative if `a` comes out before `b`, as for `Array.prototype.sort`. */
      readonly compare: (a: T, b: T) => number;
      readonly priority?: never;
    }
);

/**
 * A queue that gives the value that comes first in the order asked for; among equals, the one that was put first. If the function that orders
 * throws, so does the `put` or `get` that called it, and the queue is unchanged.
 *
 * @throws RangeError if `maxSize` is not a whole number of at least 1, or `Infinity`.
 * @throws TypeError if neither `priority` nor `compare` is a function, or both are given.
 *
 * @example
 * ```ts
 * const jobs = new PriorityQueue<{ urgency: number }>({ priority: (job) => -job.urgency });
 * ```
 */
export class PriorityQueue<T> extends BaseQueue<T> {
  constructor(options: PriorityQueueOptions<T>) {
    super(options.maxSize ?? Infinity, storeFor(options));
  }
}

class Stack<T> {
  readonly #values: T[] = [];

  get size(): number {
    return this.#values.length;
  }

  push(value: T): void {
    this.#values.push(value);
  }

  shift(): T | undefined {
    return this.#values.pop();
  }

  clear(): T[] {
    return this.#values.splice(0);
  }
}

function storeFor<T>({ priority, compare }: PriorityQueueOptions<T>): Heap<T, unknown> {
  if (typeof priority === "function" && compare === undefined) {
    return new Heap<T, number>(
      (value) => checkedPriority(priority(value)),
      (a, b) => (a < b ? -1 : Number(a > b)),
    ) as Heap<T, unknown>;
  }
  if (typeof compare === "function" && priority === undefined) {
    return new Heap<T, T>((value) => value, compare) as unknown as Heap<T, unknown>;
  }
  throw new TypeError(
    `PriorityQueue: expected one function, priority or compare, got ${typeof priority} and ${typeof compare}`,
  );
}

function checkedPriority(priority: number): number {
  if (typeof priority === "number" && !Number.isNaN(priority)) return priority;
  throw new RangeError(`priority: expected a number, got ${String(priority)}`);
}
