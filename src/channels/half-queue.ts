/**
 * A queue of waits that each belong to one half of something, so that closing a half ends its own.
 *
 * Invariant: `waits` of a half are those of its waits that are in the queue, in order: mostly none, or one. So closing a half costs
 * what it ends, and a hundred thousand senders may each close a clone while the others wait.
 *
 * While there is one half, every wait is its own, and a plain `WaitQueue` does; the first clone replaces it (`splitQueue`).
 *
 * Rejected: picking them out of a plain queue (each close is a walk past all who wait); keeping books where there is no clone
 * (a twentieth of a message).
 */
import { type Waiting, WaitQueue } from "../kernel/wait-queue.ts";

export interface Half<W> {
  waits: W | Set<W> | null;
}

interface WaitingInHalf<W> extends Waiting {
  readonly half: Half<W>;
}

/** The queue for more than one half, with those who wait in `queue`. */
export function splitQueue<W extends WaitingInHalf<W>>(queue: WaitQueue<W>): HalfQueue<W> {
  if (queue instanceof HalfQueue) return queue;
  const split = new HalfQueue<W>();
  for (let waiter = queue.shift(); waiter !== undefined; waiter = queue.shift()) split.push(waiter);
  return split;
}

/** Removes those that wait in `half`, be it one of several or the only one, and returns them in order. */
export function drainOf<W extends WaitingInHalf<W>>(queue: WaitQueue<W>, half: Half<W>): W[] {
  return queue instanceof HalfQueue ? queue.drainOf(half) : queue.drain(() => true);
}

export class HalfQueue<W extends WaitingInHalf<W>> extends WaitQueue<W> {
  override push(waiter: W): void {
    super.push(waiter);
    const { half } = waiter;
    if (half.waits === null) half.waits = waiter;
    else if (half.waits instanceof Set) half.waits.add(waiter);
    else half.waits = new Set([half.waits, waiter]);
  }

  override remove(waiter: Waiting): void {
    super.remove(waiter);
    const { half } = waiter as W;
    if (half.waits instanceof Set) half.waits.delete(waiter as W);
    else half.waits = null;
  }

  drainOf({ waits }: Half<W>): W[] {
    if (waits === null) return [];
    const picked = waits instanceof Set ? [...waits] : [waits];
    for (const waiter of picked) this.remove(waiter);
    return picked;
  }
}
