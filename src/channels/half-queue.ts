/**
 * A queue of waits that each belong to one half of something, so that closing a half ends its own.
 *
 * While there is one half, every wait is its own and nothing is kept. From the first clone on (`split`), `waits` of a half are those of
 * its waits that are in the queue, in order: mostly none, or one. So closing a half costs what it ends, and a hundred thousand senders may
 * each close a clone while the others wait.
 *
 * Rejected: picking them out of the queue (each close is a walk past all who wait); keeping them where there is no clone (a
 * tenth of a message).
 */
import { type Waiting, WaitQueue } from "../kernel/wait-queue.ts";

export interface Half<W> {
  waits: W | Set<W> | null;
}

interface WaitingInHalf<W> extends Waiting {
  readonly half: Half<W>;
}

export class HalfQueue<W extends WaitingInHalf<W>> extends WaitQueue<W> {
  #isSplit = false;

  /** There is going to be another half. */
  split(): void {
    if (this.#isSplit) return;
    this.#isSplit = true;
    this.drain((waiter) => {
      enlist(waiter);
      return false;
    });
  }

  override push(waiter: W): void {
    super.push(waiter);
    if (this.#isSplit) enlist(waiter);
  }

  override remove(waiter: Waiting): void {
    super.remove(waiter);
    if (this.#isSplit) strike(waiter as W);
  }

  /** Removes those that wait in `half` and returns them in order. */
  drainOf({ waits }: Half<W>): W[] {
    if (!this.#isSplit) return this.drain(() => true);
    if (waits === null) return [];
    const picked = waits instanceof Set ? [...waits] : [waits];
    for (const waiter of picked) this.remove(waiter);
    return picked;
  }
}

function enlist<W extends WaitingInHalf<W>>(waiter: W): void {
  const { half } = waiter;
  if (half.waits === null) half.waits = waiter;
  else if (half.waits instanceof Set) half.waits.add(waiter);
  else half.waits = new Set([half.waits, waiter]);
}

function strike<W extends WaitingInHalf<W>>(waiter: W): void {
  const { half } = waiter;
  if (half.waits instanceof Set) half.waits.delete(waiter);
  else half.waits = null;
}
