/**
 * The first of several functions to end.
 *
 * An error that a loser ends with, mostly out of its cleanup, is thrown instead of the winner's value: else nobody would hear of it.
 */
import type { SettledTask } from "../kernel/scope-node.ts";
import { Crew, conclude } from "./crew.ts";
import type { Fn, Outcome } from "./functions.ts";

/**
 * Runs `fns` concurrently and gives the value, or throws the error, of the first to end. The others are cancelled and waited for, cleanup
 * included. What they give in spite of that is dropped, so race things that can be done in vain; of waits whose value must not be lost,
 * use `select`.
 *
 * An error out of the cleanup of a loser wins over the value. As a task group, it is no checkpoint itself; a value that came in spite of a
 * cancellation from outside is given.
 *
 * @throws RangeError if there is no function: such a race would never end.
 * @throws TypeError if `fns` is no list of functions; nothing was started then.
 *
 * @example
 * ```ts
 * const page = await race([() => load(mirror), () => load(origin)]);
 * ```
 */
export function race<const T extends readonly Fn<unknown>[]>(fns: T): Promise<Outcome<T[number]>>;
export function race<T>(fns: Iterable<Fn<T>>): Promise<T>;
export function race(fns: Iterable<Fn<unknown>>): Promise<unknown> {
  return conclude("race", fns, () => new Race());
}

class Race extends Crew<unknown> {
  #winner: SettledTask | undefined;

  constructor() {
    super("race");
  }

  protected succeeded(task: SettledTask): void {
    if (this.isDecided) return;
    this.#winner = task;
    this.decide("another function has won", "race");
  }

  protected override get hasResult(): boolean {
    return this.#winner !== undefined;
  }

  protected result(): unknown {
    if (this.#winner !== undefined) return this.#winner.outcome;
    throw new RangeError("race: expected one function or more, got none: a race without racers never ends");
  }
}
