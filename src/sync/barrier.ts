/**
 * A place where a number of tasks meet.
 *
 *   filling --the last party comes--> everybody goes on, and it is filling again, from none
 *
 * A party that is cancelled while it waits leaves and does not count.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { checkWhole } from "./whole.ts";

/** What a barrier tells of itself, at the moment of asking. */
export interface BarrierStatistics {
  readonly parties: number;
  /** How many of them are here. */
  readonly waiting: number;
}

/** Lets tasks go on when a number of them have come. Can be used again, round after round. */
export class Barrier {
  readonly #parties: number;
  readonly #waiters = new WaitQueue<Waiter<number>>();

  /** @throws RangeError if `parties` is no whole number of at least 1. */
  constructor(parties: number) {
    checkWhole("Barrier: parties", parties, 1);
    this.#parties = parties;
  }

  /**
   * Waits until all parties are here, and gives each an index of its own, from 0, in the order in which they came: one of them can be
   * chosen to do what is to be done once. Always a checkpoint; cancelled, the party has not come.
   */
  wait(): Promise<number> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.wait());
    if (this.#waiters.size < this.#parties - 1) {
      const waiter = new Waiter<number>(scope);
      this.#waiters.push(waiter);
      return waiter.promise;
    }
    const others = this.#waiters.size;
    // Whoever comes while they are woken belongs to the next round.
    for (let index = 0; index < others; index++) this.#waiters.shift()?.wake(index);
    return Promise.resolve(others);
  }

  statistics(): BarrierStatistics {
    return { parties: this.#parties, waiting: this.#waiters.size };
  }

  static {
    printsAs(Barrier, (barrier) => barrier.statistics());
  }
}
