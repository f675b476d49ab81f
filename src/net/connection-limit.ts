/**
 * How many connections are handled at a time. Several listeners may share it, so one that has room waits for its next connection without
 * taking the room from the others: it is taken once there is a connection.
 *
 * Invariant: nobody waits while there is room. An end wakes all who wait, and those who find it full again wait again.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { DONE } from "../kernel/microtask.ts";
import { currentNode } from "../kernel/scope.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";

export class ConnectionLimit {
  readonly #max: number;
  readonly #waiting = new WaitQueue<Waiter<void>>();
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.#count >= this.#max;
  }

  begin(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    for (let waiter = this.#waiting.shift(); waiter !== undefined; waiter = this.#waiting.shift()) waiter.wake();
  }

  /** Waits until there is room, which somebody else may take first. Always a checkpoint. */
  room(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.room());
    if (!this.isFull) return DONE;
    const waiter = new Waiter<void>(scope);
    this.#waiting.push(waiter);
    return waiter.promise;
  }
}
