/**
 * A task: one function running concurrently with others, as a node of the cancellation tree.
 *
 *   created --start--> running --the function ended--> ending (scopes that it left open still run) --> settled
 *
 * Invariants
 * - It starts in a microtask of its own, in the asynchronous context of its spawner; never inside `spawn`.
 * - Its outcome is kept here, not in a promise, so nothing can be an unhandled rejection by itself; the parent node (a task
 *   group, a server) is told once and decides what a failure means.
 * - A failure reaches those who wait for the task as itself, not as the cancellation of the group that follows.
 *
 * The two settle functions are shared by all tasks and find theirs in the ambient value, because two closures and their
 * context for each task are a fifth of what a parked task may cost.
 *
 * Rejected: an async wrapper function per task (a generator and a promise more, 200 bytes);
 * a native promise per task (cannot be waited for cancellably; rejects unobserved).
 */

import { settled } from "./body.ts";
import { detour, mustDetour } from "./checkpoint.ts";
import { contexts, inheritContext } from "./context.ts";
import { Cancelled, InvalidStateError } from "./errors.ts";
import { type FutureLike, type Handover, handOver } from "./future-like.ts";
import { type Callback, type Joinable, thenOf } from "./joiner.ts";
import {
  claimAll,
  DoneCallback,
  type OutcomeListener,
  type OutcomeListeners,
  runAll,
  withListener,
  withoutListener,
} from "./outcome-listeners.ts";
import type { Loop, Startable } from "./ports.ts";
import { cancelNode, closeNode } from "./propagation.ts";
import { ambient, currentNode, ScopeFace } from "./scope.ts";
import {
  CAUGHT,
  ENDING,
  FAILED,
  FULFILLED,
  isWithin,
  OBSERVED,
  type ScopeNode,
  type SettledTask,
  TASK,
} from "./scope-node.ts";

/**
 * A running function that can be waited for (`await task`), inspected and cancelled on its own: its group and siblings go on.
 *
 * Awaiting is a checkpoint: cancelling the waiter leaves the task running. A task that failed throws its error, unchanged;
 * one that was cancelled, by itself or with a scope around it, throws its `Cancelled`, which is foreign to the waiter: no scope of
 * the waiter swallows it.
 */
export interface Task<T> extends FutureLike<T> {}

/** What a task runs, with a name of its own. */
interface NamedFunction {
  readonly name: string;
  readonly run: () => unknown;
}

/** The node of a task. Servers subclass it to run a request without a closure. */
export class TaskNode<T> extends ScopeFace implements Task<T>, Startable, SettledTask, Joinable {
  /** Until it has settled, its listeners; then its value or its error. One field for both keeps a parked task small. */
  declare private content: unknown;

  /** `what` is the function, with a name or without; for a subclass that has its own `invoke`, the name. The parent is told when the task settles. */
  constructor(parent: ScopeNode, what: (() => unknown) | NamedFunction | string) {
    super(parent, what, TASK);
    this.content = null;
    if (contexts.areInUse) inheritContext(this);
  }

  get loop(): Loop {
    return (this.parent as ScopeNode).loop;
  }

  get done(): boolean {
    return (this.flags & (FULFILLED | FAILED)) !== 0 && (this.flags & ENDING) === 0;
  }

  get cancelled(): boolean {
    return this.done && (this.flags & CAUGHT) !== 0;
  }

  protected override get state(): string {
    if (!this.done) return "running";
    if (this.cancelled) return "cancelled";
    return this.hasFailed ? "failed" : "done";
  }

  override get title(): string {
    return `task "${this.name}"`;
  }

  get hasFailed(): boolean {
    return (this.flags & FAILED) !== 0;
  }

  get outcome(): unknown {
    return this.content;
  }

  result(): T {
    this.mustBeDone("result");
    if (this.hasFailed) throw this.content;
    return this.content as T;
  }

  error(): unknown {
    this.mustBeDone("error");
    return this.hasFailed ? this.content : undefined;
  }

  addDoneCallback(callback: (task: this) => void): void {
    const listener = new DoneCallback(() => callback(this));
    if (this.done) listener.run();
    else this.addListener(listener);
  }

  // biome-ignore lint/suspicious/noThenProperty: a task is awaited like a promise, and cancellably.
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    return thenOf(this, onFulfilled as Callback, onRejected as Callback) as PromiseLike<A | B>;
  }

  [Symbol.iterator](): Handover<T> {
    return handOver(this);
  }

  start(): void {
    ambient.enter(this);
    let result: unknown;
    try {
      // Looked at in here, as a `then` may be a getter that throws.
      result = settled(this.invoke(), this.label);
    } catch (error) {
      this.end(FAILED, error);
      return;
    }
    if (result instanceof Promise) result.then(taskFulfilled, taskFailed);
    else this.end(FULFILLED, result);
  }

  /** Runs what the task is for, once, with the task as the ambient value. */
  protected invoke(): unknown {
    const what = this.label as (() => unknown) | NamedFunction;
    if (typeof what === "function") return what();
    // Not as a method: `this`, and what stacks call it, are as for a function without a name of its own.
    const { run } = what;
    return run();
  }

  /** The function has ended. */
  end(how: typeof FULFILLED | typeof FAILED, outcome: unknown): void {
    this.flags |= how;
    if (
      how === FAILED &&
      outcome instanceof Cancelled &&
      (this.cancelledBy?.scope === outcome.scope || isWithin(this, outcome.scope))
    )
      this.flags |= CAUGHT;
    if (this.firstChild === null) {
      this.settle(outcome);
      return;
    }
    this.flags |= ENDING;
    this.rare().outcome = outcome;
    // The parent hears of a failure only after the scopes left open have ended, so they are not left to wait for good.
    if (how === FAILED) cancelNode(this, outcome, "its own failure");
  }

  override childClosed(): void {
    if ((this.flags & ENDING) !== 0 && this.firstChild === null) this.settle(this.rare().outcome);
  }

  /**
   * First those who wait are claimed, so that a cancellation which follows from a failure cannot take it from them; then the
   * parent is told; then they are called.
   */
  private settle(outcome: unknown): void {
    const listeners = this.content as OutcomeListeners;
    this.flags &= ~ENDING;
    this.content = outcome;
    if (claimAll(listeners)) this.flags |= OBSERVED;
    this.parent?.taskSettled(this);
    closeNode(this);
    runAll(listeners, (this.flags & FAILED) !== 0, outcome);
  }

  addListener(listener: OutcomeListener): void {
    this.content = withListener(this.content as OutcomeListeners, listener);
  }

  forget(listener: OutcomeListener): void {
    this.content = withoutListener(this.content as OutcomeListeners, listener);
  }

  joined(): Promise<T> {
    if (!this.done) return new Promise<T>((resolve, reject) => this.then(resolve, reject));
    this.flags |= OBSERVED;
    return this.hasFailed ? Promise.reject(this.content) : Promise.resolve(this.content as T);
  }

  mustDetour(scope: ScopeNode): boolean {
    return mustDetour(scope);
  }

  joinedByDetour(scope: ScopeNode): Promise<T> {
    return detour(scope, () => this.joined());
  }

  private mustBeDone(what: string): void {
    if (this.done) {
      this.flags |= OBSERVED;
      return;
    }
    throw new InvalidStateError(`${what}() of task "${this.name}", which still runs: await it first`);
  }
}

function taskFulfilled(value: unknown): void {
  (ambient.get() as TaskNode<unknown>).end(FULFILLED, value);
}

function taskFailed(error: unknown): void {
  (ambient.get() as TaskNode<unknown>).end(FAILED, error);
}

/** The task that the running code belongs to, or `undefined` outside of every task. */
export function currentTask(): Task<unknown> | undefined {
  const node = currentNode().taskNode;
  return node instanceof TaskNode ? node : undefined;
}
