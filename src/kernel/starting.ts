/**
 * `group.start`: a child that says when it is ready, and somebody who waits for that (rule 11).
 *
 *   starting --started(value)--> a child like any other; the wait returns the value
 *   starting --it ended--------> the wait throws its error, or that `started` was never called; the group hears nothing
 *   starting --wait cancelled--> abandoned: the child is cancelled, and the wait throws once the child has ended
 */
import type { Returned } from "./body.ts";
import { Cancelled, InvalidStateError } from "./errors.ts";
import { cancelNode } from "./propagation.ts";
import { markHandledSoon } from "./quiet.ts";
import type { ScopeNode } from "./scope-node.ts";
import { TaskNode } from "./task.ts";
import { Waiter } from "./waiter.ts";

/** What a task calls when it is ready. */
type Started<V> = (value: V) => void;

/** Starts `fn` below `parent`, for somebody in `scope` who waits until it is ready. */
export function startTask<V>(
  scope: ScopeNode,
  parent: ScopeNode,
  name: string,
  fn: (started: Started<V>) => Returned<unknown>,
): Promise<V> {
  const task = new StartingTask<V>(scope, parent, name, fn);
  parent.loop.start(task);
  return task.ready.promise;
}

export class StartingTask<V> extends TaskNode<unknown> {
  readonly ready: StartWaiter<V>;
  readonly #fn: (started: Started<V>) => Returned<unknown>;
  #state: "starting" | "started" | "abandoned" = "starting";

  constructor(scope: ScopeNode, parent: ScopeNode, name: string, fn: (started: Started<V>) => Returned<unknown>) {
    super(parent, name);
    this.#fn = fn;
    this.ready = new StartWaiter(scope, this);
  }

  protected override invoke(): unknown {
    // Not as a method: see `TaskNode.invoke`.
    const fn = this.#fn;
    return fn((value) => this.#started(value));
  }

  #started(value: V): void {
    if (this.#state === "started") throw new InvalidStateError(`started() of task "${this.name}" was called before`);
    if (this.#state === "abandoned" || this.done) return;
    this.#state = "started";
    this.ready.wake(value);
  }

  /** Nobody waits any more for it to be ready. */
  abandon(reason: unknown): void {
    if (this.#state !== "starting") return;
    this.#state = "abandoned";
    cancelNode(this, reason, "the end of the wait for its start");
  }

  /** It has settled. Whether that is the affair of the caller of `start`, who is told. */
  endedEarly(): boolean {
    if (this.#state === "started") return false;
    const isCut = this.#state === "abandoned" && (!this.hasFailed || this.outcome instanceof Cancelled);
    if (isCut) this.ready.failQuietly(() => this.ready.scope.cancellation());
    else if (this.hasFailed) this.ready.failQuietly(() => this.outcome);
    else this.ready.fail(() => new InvalidStateError(`task "${this.name}" ended without having called started()`));
    return true;
  }
}

class StartWaiter<V> extends Waiter<V> {
  readonly #task: StartingTask<V>;

  constructor(scope: ScopeNode, task: StartingTask<V>) {
    super(scope);
    this.#task = task;
  }

  /** The wait goes on until the task has ended. */
  override interrupt(): () => void {
    return () => this.#task.abandon(this.scope.cancellation().reason);
  }

  /** As `fail`; a cancellation raises nothing where nobody awaits the start. */
  failQuietly(make: () => unknown): void {
    this.fail(() => {
      const error = make();
      if (error instanceof Cancelled) markHandledSoon(() => this.promise);
      return error;
    });
  }
}
