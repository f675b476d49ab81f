/**
 * The functions of one combinator while they run: a scope whose children are tasks, one for each, and which settles
 * only when the last of them has, cleanup included.
 *
 *   running --decided--> unwinding (the rest is cancelled) --no task left--> settled
 *
 * What becomes of what a task ends with
 *   a value                                            for the combinator
 *   a cancellation by the crew itself                  nothing: a consequence of the decision
 *   a cancellation from around the crew                kept; rethrown where the combinator has nothing better to give
 *   anything else, a foreign `Cancelled` included      for the combinator
 *
 * Rejected: a task group whose body awaits the tasks. The body is cancelled together with them, so a cancellation in the very moment in
 * which the last value came would lose them all (rule 6); and it costs a closure and a promise more for each task.
 */

import { turnOfGroup } from "../kernel/checkpoint.ts";
import { Cancelled, suppress } from "../kernel/errors.ts";
import { cancelNode, closeNode } from "../kernel/propagation.ts";
import { markHandledSoon } from "../kernel/quiet.ts";
import { currentNode, Scope } from "../kernel/scope.ts";
import { isWithin, type SettledTask } from "../kernel/scope-node.ts";
import { checkpoint } from "../kernel/sleep.ts";
import { TaskNode } from "../kernel/task.ts";
import { type Fn, functionsOf } from "./functions.ts";

export abstract class Crew<R> extends Scope {
  /** In the order of the functions. */
  readonly tasks: TaskNode<unknown>[] = [];
  #failure: { readonly error: unknown } | undefined;
  /** A cancellation from outside that cut functions off. */
  protected outer: Cancelled | undefined;
  #isDecided = false;
  #wake: (() => void) | undefined;

  /** Belongs to the running code. */
  constructor(what: string) {
    const parent = currentNode();
    super(parent, parent.loop, what);
  }

  /** What the combinator gives when all have ended and nothing was thrown, neither by one of them nor by a cancellation from outside. */
  protected abstract result(): R;

  /** A function has ended with a value. */
  protected abstract succeeded(task: SettledTask): void;

  /** A function has ended with an error. By default the first one decides, and later ones are kept with it. */
  protected failed(error: unknown, _task?: SettledTask): void {
    if (this.#failure === undefined) this.#failure = { error };
    else suppress(this.#failure.error, error);
    this.decide(error, "the failure of one of its functions");
  }

  start(fns: readonly Fn<unknown>[]): void {
    for (const fn of fns) {
      const task = new TaskNode(this, fn);
      this.tasks.push(task);
      this.loop.start(task);
    }
  }

  get isDecided(): boolean {
    return this.#isDecided;
  }

  /** What comes is known by now, or nobody cares any more: the functions that still run are cancelled. */
  decide(reason: unknown, origin: string): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    cancelNode(this, reason, origin);
  }

  override taskSettled(task: SettledTask): void {
    if (!task.hasFailed) this.succeeded(task);
    else if (!this.#isCutOff(task.outcome)) this.failed(task.outcome, task);
  }

  #isCutOff(error: unknown): boolean {
    if (!(error instanceof Cancelled) || this.cancelledBy === null) return false;
    // The scope that was cancelled is not around any more where the combinator was abandoned and it was left.
    if (error.scope !== this.cancelledBy.scope && !isWithin(this, error.scope)) return false;
    if (error.scope !== this || !this.#isDecided) this.outer ??= error;
    return true;
  }

  override childClosed(): void {
    if (this.firstChild === null) this.#wake?.();
  }

  /** Waits, uncancellably, until every task has ended, and closes the crew. */
  async ended(): Promise<void> {
    const turn = turnOfGroup(this);
    if (turn !== undefined) await turn;
    while (this.firstChild !== null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.close();
  }

  protected close(): void {
    closeNode(this);
  }

  /** Whether it has something to give in spite of a cancellation from outside that cut functions off. */
  protected get hasResult(): boolean {
    return false;
  }

  /** What came of it, once it has ended. @throws the failure, or the cancellation that cut it off. */
  conclusion(): R {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.outer !== undefined && !this.hasResult) throw this.outer;
    return this.result();
  }
}

/** Runs `fns` as the crew that `make` gives, to its conclusion. Without any function it is a checkpoint, like any other wait. */
export function conclude<R>(what: string, fns: Iterable<Fn<unknown>>, make: () => Crew<R>): Promise<R> {
  const promise = concluded();
  return promise;

  async function concluded(): Promise<R> {
    try {
      const list = functionsOf(what, fns);
      if (list.length === 0) await checkpoint();
      const crew = make();
      crew.start(list);
      await crew.ended();
      return crew.conclusion();
    } catch (error) {
      if (error instanceof Cancelled) markHandledSoon(() => promise);
      throw error;
    }
  }
}
