/** How each of several functions ended. */
import { suppress } from "../kernel/errors.ts";
import { Crew, conclude } from "./crew.ts";
import type { Fn, Outcome } from "./functions.ts";

type Settled<T extends readonly unknown[]> = { -readonly [K in keyof T]: PromiseSettledResult<Outcome<T[K]>> };

/**
 * Runs `fns` concurrently, waits until each has ended, and gives how, in the same order: a value or an error, as `Promise.allSettled` does.
 * A failure cancels nobody.
 *
 * A cancellation from outside is no result: where it cut functions off, it is rethrown once all have ended, and errors of the others are in
 * its `suppressedErrors`. As a task group, it is no checkpoint itself.
 *
 * @throws TypeError if `fns` is no list of functions; nothing was started then.
 */
export function allSettled<const T extends readonly Fn<unknown>[]>(fns: T): Promise<Settled<T>>;
export function allSettled<T>(fns: Iterable<Fn<T>>): Promise<PromiseSettledResult<T>[]>;
export function allSettled(fns: Iterable<Fn<unknown>>): Promise<unknown> {
  return conclude("allSettled", fns, () => new AllSettled());
}

class AllSettled extends Crew<PromiseSettledResult<unknown>[]> {
  readonly #failures: unknown[] = [];

  constructor() {
    super("allSettled");
  }

  protected succeeded(): void {}

  protected override failed(error: unknown): void {
    this.#failures.push(error);
  }

  protected result(): PromiseSettledResult<unknown>[] {
    return this.tasks.map(({ hasFailed, outcome }) =>
      hasFailed ? { status: "rejected", reason: outcome } : { status: "fulfilled", value: outcome },
    );
  }

  override conclusion(): PromiseSettledResult<unknown>[] {
    if (this.outer !== undefined) for (const error of this.#failures) suppress(this.outer, error);
    return super.conclusion();
  }
}
