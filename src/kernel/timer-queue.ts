/**
 * Timers in the order in which they fall due: a binary heap on (`when`, `order`), the order being that of arrival as a rule.
 *
 * Cancelling only marks the entry (lazy deletion, because most timers are deadlines that never fire);
 * when more than half of the heap is marked, it is rebuilt without them, so the heap
 * stays within twice the live timers. Any number of timers needs one timer of the host.
 */
import { checkFunction, describe } from "./check-function.ts";
import type { Timer } from "./ports.ts";

const SMALLEST_COMPACTION = 64;

export class QueuedTimer implements Timer {
  readonly when: number;
  readonly order: number;
  callback: (() => void) | undefined;
  readonly #queue: TimerQueue;

  constructor(when: number, order: number, callback: () => void, queue: TimerQueue) {
    this.when = when;
    this.order = order;
    this.callback = callback;
    this.#queue = queue;
  }

  cancel(): void {
    if (this.callback === undefined) return;
    this.callback = undefined;
    this.#queue.cancelled();
  }
}

export class TimerQueue {
  #heap: QueuedTimer[] = [];
  #order = 0;
  #cancelled = 0;
  readonly #emptied: () => void;
  readonly #draw: (() => number) | undefined;

  /**
   * `emptied` is called when the last live timer was cancelled. Timers due at the same time fire in order of arrival; with `draw`, in the
   * order of the numbers that it gave them.
   */
  constructor(emptied: () => void = () => {}, draw?: () => number) {
    this.#emptied = emptied;
    this.#draw = draw;
  }

  /** How many timers will still fire. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** When the next live timer falls due; `Infinity` for none. */
  get nextAt(): number {
    this.#dropCancelledTop();
    return this.#heap[0]?.when ?? Infinity;
  }

  /**
   * @throws RangeError if `when` is no number, which would spoil the order of all others.
   * @throws TypeError if `callback` is no function.
   */
  add(when: number, callback: () => void): QueuedTimer {
    if (typeof when !== "number" || Number.isNaN(when))
      throw new RangeError(`callAt: expected milliseconds, got ${describe(when)}`);
    checkFunction("callAt", callback);
    const order = this.#draw === undefined ? this.#order++ : this.#draw();
    const timer = new QueuedTimer(when, order, callback, this);
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
    return timer;
  }

  /** Removes the earliest timer due at `now` and returns its callback. */
  takeDue(now: number): (() => void) | undefined {
    this.#dropCancelledTop();
    const top = this.#heap[0];
    if (top === undefined || top.when > now) return undefined;
    const callback = top.callback;
    top.callback = undefined;
    this.#removeTop();
    return callback;
  }

  /** An entry marked itself. */
  cancelled(): void {
    this.#cancelled++;
    if (this.#cancelled === this.#heap.length) {
      this.#heap = [];
      this.#cancelled = 0;
      this.#emptied();
    } else if (this.#cancelled > SMALLEST_COMPACTION && this.#cancelled > this.#heap.length / 2) {
      this.#heap = this.#heap.filter((timer) => timer.callback !== undefined);
      this.#cancelled = 0;
      for (let index = (this.#heap.length >> 1) - 1; index >= 0; index--) this.#sink(index);
    }
  }

  #dropCancelledTop(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.callback === undefined) {
      this.#removeTop();
      this.#cancelled--;
    }
  }

  #removeTop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(index: number): void {
    const heap = this.#heap;
    const timer = heap[index] as QueuedTimer;
    let at = index;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as QueuedTimer;
      if (!isBefore(timer, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = timer;
  }

  #sink(index: number): void {
    const heap = this.#heap;
    const timer = heap[index] as QueuedTimer;
    let at = index;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as QueuedTimer, heap[below] as QueuedTimer)) below++;
      const child = heap[below] as QueuedTimer;
      if (!isBefore(child, timer)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = timer;
  }
}

function isBefore(a: QueuedTimer, b: QueuedTimer): boolean {
  return a.when < b.when || (a.when === b.when && a.order < b.order);
}
