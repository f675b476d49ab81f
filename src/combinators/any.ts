/**
 * The first of several functions to succeed.
 *
 * Failures are what it is there to bear, with one exception: a function that the winner has cut off in the middle of a wait and that
 * then ends with an error did not fail at its work but in its cleanup. That error is thrown instead of the value, else nobody would hear of
 * it. One that fails by itself in the very moment in which another wins has only lost.
 */
import { ErrorGroup } from "../kernel/error-group.ts";
import type { ScopeNode, SettledTask } from "../kernel/scope-node.ts";
import { Crew, conclude } from "./crew.ts";
import type { Fn, Outcome } from "./functions.ts";

/**
 * Runs `fns` concurrently and gives the first value. The others are then cancelled and waited for, cleanup included; an error
 * out of that cleanup wins over the value. What they give in spite of the cancellation is dropped.
 *
 * As a task group, it is no checkpoint itself. A cancellation from outside is rethrown, unless a value came in spite of it.
 *
 * @throws ErrorGroup if all have failed: their errors, in the order of the functions.
 * @throws RangeError if there is no function.
 * @throws TypeError if `fns` is no list of functions; nothing was started then.
 */
export function any<const T extends readonly Fn<unknown>[]>(fns: T): Promise<Outcome<T[number]>>;
export function any<T>(fns: Iterable<Fn<T>>): Promise<T>;
export function any(fns: Iterable<Fn<unknown>>): Promise<unknown> {
  return conclude("any", fns, () => new Any());
}

class Any extends Crew<unknown> {
  #winner: SettledTask | undefined;
  readonly #cutOff = new Set<SettledTask>();

  constructor() {
    super("any");
  }

  protected succeeded(winner: SettledTask): void {
    if (this.isDecided) return;
    this.#winner = winner;
    for (const task of this.tasks) if (!task.done && isWaiting(task)) this.#cutOff.add(task);
    this.decide("another function has succeeded", "any");
  }

  protected override failed(error: unknown, task: SettledTask): void {
    if (this.#cutOff.has(task)) super.failed(error);
  }

  protected override get hasResult(): boolean {
    return this.#winner !== undefined;
  }

  protected result(): unknown {
    if (this.#winner !== undefined) return this.#winner.outcome;
    const { length } = this.tasks;
    if (length === 0) throw new RangeError("any: expected one function or more, got none");
    throw new ErrorGroup(
      this.tasks.map((task) => task.outcome),
      length === 1 ? "any: the only function failed" : `any: all ${length} functions failed`,
    );
  }
}

/** Whether anything at or below `node` waits, and so is cut short when it is cancelled. */
function isWaiting(node: ScopeNode): boolean {
  const open: ScopeNode[] = [node];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at.firstWaiter !== null) return true;
    for (let child = at.firstChild; child !== null; child = child.next) open.push(child);
  }
  return false;
}
