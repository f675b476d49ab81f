/**
 * A first-in, first-out queue of waiters that any of them can leave in O(1): the links are in the waiters.
 * A waiter stands in at most one queue.
 */

export interface Waiting {
  queue: { remove(waiter: Waiting): void } | null;
  nextInQueue: Waiting | null;
  prevInQueue: Waiting | null;
}

export class WaitQueue<W extends Waiting> {
  #head: Waiting | null = null;
  #tail: Waiting | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): W | undefined {
    return (this.#head ?? undefined) as W | undefined;
  }

  push(waiter: W): void {
    waiter.queue = this;
    waiter.prevInQueue = this.#tail;
    if (this.#tail === null) this.#head = waiter;
    else this.#tail.nextInQueue = waiter;
    this.#tail = waiter;
    this.#size++;
  }

  shift(): W | undefined {
    const first = this.#head;
    if (first === null) return undefined;
    this.remove(first);
    return first as W;
  }

  /** Removes those that `concerns` picks and returns them in order. To end them all, `shift` one by one: the end of one may cut short another. */
  drain(concerns: (waiter: W) => boolean): W[] {
    const picked: W[] = [];
    for (let waiter = this.#head; waiter !== null; ) {
      const next: Waiting | null = waiter.nextInQueue;
      if (concerns(waiter as W)) {
        this.remove(waiter);
        picked.push(waiter as W);
      }
      waiter = next;
    }
    return picked;
  }

  remove(waiter: Waiting): void {
    const { nextInQueue, prevInQueue } = waiter;
    if (prevInQueue === null) this.#head = nextInQueue;
    else prevInQueue.nextInQueue = nextInQueue;
    if (nextInQueue === null) this.#tail = prevInQueue;
    else nextInQueue.prevInQueue = prevInQueue;
    waiter.queue = null;
    waiter.nextInQueue = null;
    waiter.prevInQueue = null;
    this.#size--;
  }
}
