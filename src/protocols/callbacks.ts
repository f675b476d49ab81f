/**
 * The callbacks of an event loop that wait for their turn or their time.
 *
 * Those for their turn stand in one queue, which is taken as a whole: what is scheduled while they are called goes into the next one,
 * and input and output are polled for in between. Many cancelled timers are compacted by the loop itself.
 */
import { type Callback, ScheduledCallback } from "./handle.ts";
import type { Home } from "./home.ts";

export class Callbacks {
  readonly #home: Home;
  #soon: { release(): void; cancel(): void }[] = [];
  readonly #timed = new Set<{ cancel(): void }>();

  constructor(home: Home) {
    this.#home = home;
  }

  soon<A extends unknown[]>(callback: Callback<A>, args: A): ScheduledCallback<A> {
    const { loop } = this.#home;
    const handle = new ScheduledCallback(this.#home, loop.time(), callback, args, () => {});
    if (this.#soon.push(handle) === 1) this.#home.outside(() => loop.afterTurn(this.#tick), undefined);
    return handle;
  }

  at<A extends unknown[]>(when: number, callback: Callback<A>, args: A): ScheduledCallback<A> {
    const handle = new ScheduledCallback(this.#home, when, callback, args, (over) => this.#timed.delete(over));
    this.#timed.add(handle);
    // At no time: it can only be cancelled.
    if (when !== Infinity) handle.arm();
    return handle;
  }

  cancelAll(): void {
    for (const handle of this.#soon.splice(0)) handle.cancel();
    for (const handle of [...this.#timed]) handle.cancel();
  }

  readonly #tick = (): void => {
    const handles = this.#soon;
    this.#soon = [];
    for (const handle of handles) handle.release();
  };
}
