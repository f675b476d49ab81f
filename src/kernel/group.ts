/**
 * What a task group and a supervisor share: a body, its tasks, and an end that waits for both.
 *
 * Nodes of the tree: `scope` holds the body and, as a child, `children`, which holds the tasks and, once there is a background task,
 * `background`, which holds those. `cancelAll` cancels `children`; a failure of the whole cancels `scope`.
 *
 *   open --body ended--> draining --only background tasks left--> those are cancelled --no task, no scope left--> settled
 *
 * `spawn` registers until the group has settled, and throws from then on.
 *
 * What becomes of an error that a task or the body ends with
 *   its own handle or `cancelAll` cancelled it,   nothing: somebody asked for that
 *   or it was a background task at the end
 *   it comes before the `started` of `start`      nothing: it is for the caller of `start`
 *   the group's own cancellation                  nothing: a consequence of the first failure; without one, rethrown
 *   a cancellation from around the group          rethrown at the end, if nothing failed
 *   anything else, foreign `Cancelled` included   a failure: of a task, the policy (`Failures`) decides; of the body, it fails the whole
 */
import type { Returned } from "./body.ts";
import { checkFunction } from "./check-function.ts";
import { countRefusal, detour, mustDetour, turnOfGroup } from "./checkpoint.ts";
import { callInScope } from "./enclose.ts";
import { Cancelled, ClosedError, suppress } from "./errors.ts";
import { cancelNode, closeNode } from "./propagation.ts";
import { markHandled } from "./quiet.ts";
import { currentNode, currentOrigin, Scope } from "./scope.ts";
import { CLOSED, isWithin, type Label, printsAsText, type ScopeNode, type SettledTask } from "./scope-node.ts";
import { StartingTask, startTask } from "./starting.ts";
import { type Task, TaskNode } from "./task.ts";

/** How a task is called, and whether it serves the others. */
export interface SpawnOptions {
  /** What the task is called in messages and in the tree; by default, the name of its function. */
  readonly name?: string;
  /** A task that serves the others: it is cancelled once the body and all other children are done. By default false. */
  readonly background?: boolean;
}

/** Starts tasks that end before the group does. Handed to the body of `taskGroup`. */
export interface TaskGroup {
  /**
   * Starts `fn` as a child task, from the next microtask on; never inside this call. It runs in the asynchronous context of this call
   * and in the cancel scope of the group. Works until the group has settled, also from its children after the body has ended.
   *
   * @throws ClosedError if the group has settled.
   * @throws TypeError if `fn` is no function.
   */
  spawn<T>(fn: () => Returned<T>, options?: SpawnOptions): Task<T>;
  /**
   * Starts `fn` as `spawn` does, and returns what it passes to `started`, when it does: a server that listens, a connection that is made.
   * An error before that is thrown here and is none of the group; after it, `fn` is a child like any other. Always a checkpoint:
   * cancelling this wait cancels the child and waits for its end.
   *
   * @throws InvalidStateError if the child ends without having called `started`.
   * @throws ClosedError if the group has settled.
   * @throws TypeError if `fn` is no function.
   */
  start<V = void>(fn: (started: (value: V) => void) => Returned<unknown>, options?: SpawnOptions): Promise<V>;
  /** Cancels the children, also those spawned later, while the body goes on. Not a failure; the first reason wins. */
  cancelAll(reason?: unknown): void;
}

/** What a failing task means for its group. */
export interface Failures {
  /** A task has failed. True: that fails the whole group. False: it is kept here. */
  taskFailed(task: SettledTask): boolean;
  /** What was kept and must be thrown at the end, if anything. */
  atEnd(): Error | undefined;
}

/** Runs `body` with a group under the given policy. The group itself is no checkpoint. */
export function conduct<T>(failures: Failures, body: (group: TaskGroup) => Returned<T>): Promise<T> {
  const group = new Group(currentNode(), body, failures);
  const promise = conductGroup(group, body);
  group.promise = promise;
  return promise;
}

async function conductGroup<T>(group: Group, body: (group: TaskGroup) => Returned<T>): Promise<T> {
  let value: T | undefined;
  try {
    value = await callInScope(group.scope, body, group);
  } catch (error) {
    group.bodyFailed(error);
  }
  const turn = turnOfGroup(group.scope);
  if (turn !== undefined) await turn;
  // Looked at again after each wait: whoever awaited the last child may have spawned another by now.
  while (!group.isDrained()) await group.nextChange();
  group.close();
  return value as T;
}

class Group implements TaskGroup {
  static {
    printsAsText(Group);
  }

  readonly scope: GroupNode;
  readonly children: GroupNode;
  promise: Promise<unknown> | undefined;
  readonly #failures: Failures;
  #failure: { readonly error: unknown } | undefined;
  /** A cancellation that no failure of the group caused and that reached the body or a child. */
  #outer: Cancelled | undefined;
  #isBodyCut = false;
  #background: GroupNode | undefined;
  #wake: (() => void) | undefined;

  constructor(parent: ScopeNode, label: Label, failures: Failures) {
    this.#failures = failures;
    this.scope = new GroupNode(parent, label, this);
    this.children = new GroupNode(this.scope, label, this);
  }

  spawn<T>(fn: () => Returned<T>, options?: SpawnOptions): Task<T> {
    const name = options?.name;
    const parent = this.#parentFor("spawn", fn, options);
    const task = new TaskNode<T>(parent, name === undefined ? fn : { name, run: fn });
    parent.loop.start(task);
    return task;
  }

  start<V>(fn: (started: (value: V) => void) => Returned<unknown>, options: SpawnOptions = {}): Promise<V> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.start(fn, options));
    try {
      const parent = this.#parentFor("start", fn, options);
      return startTask(scope, parent, options.name ?? (fn.name || "anonymous"), fn);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  toString(): string {
    return String(this.scope);
  }

  cancelAll(reason?: unknown): void {
    cancelNode(this.children, reason, currentOrigin());
  }

  /** The name of `fn` is only looked up to be told: that alone would be a tenth of a spawn. */
  #parentFor(what: string, fn: { readonly name: string }, options: SpawnOptions | undefined): GroupNode {
    checkFunction(what, fn);
    if ((this.scope.flags & CLOSED) !== 0) {
      const name = options?.name ?? fn.name;
      throw new ClosedError(
        `${what} of "${name || "anonymous"}" into a task group that has settled: spawn from its body or its children`,
      );
    }
    if (options?.background !== true) return this.children;
    this.#background ??= new GroupNode(this.children, this.scope.label, this);
    return this.#background;
  }

  taskSettled(task: SettledTask): void {
    if (task instanceof StartingTask && task.endedEarly()) return;
    if (!task.hasFailed) return;
    const error = task.outcome;
    if (error instanceof Cancelled && this.#wasAskedFor(error, task)) return;
    if (!this.#isCutOff(error) && this.#failures.taskFailed(task))
      this.#failed(error, `the failure of task "${task.name}"`);
  }

  #wasAskedFor({ scope }: Cancelled, task: SettledTask): boolean {
    return scope === task.scope || scope === this.children || scope === this.#background;
  }

  bodyFailed(error: unknown): void {
    if (this.#isCutOff(error)) this.#isBodyCut = true;
    else this.#failed(error, "the failure of its body");
  }

  /** Whether it is a cancellation in force here; one that no failure of the group caused is kept. */
  #isCutOff(error: unknown): boolean {
    const by = this.scope.cancelledBy;
    if (!(error instanceof Cancelled) || by === null) return false;
    // The scope that it names may have been left, where nobody awaited this group.
    if (by.scope !== error.scope && !isWithin(this.scope, error.scope)) return false;
    // Without a failure somebody cancelled the group's scope by hand, or its deadline passed.
    if (error.scope !== this.scope || this.#failure === undefined) this.#outer ??= error;
    return true;
  }

  #failed(error: unknown, origin: string): void {
    if (this.#failure !== undefined) {
      suppress(this.#failure.error, error);
      return;
    }
    this.#failure = { error };
    cancelNode(this.scope, error, origin);
  }

  /** Whether no task is left, nor a scope that the body opened without awaiting it. Background tasks end when nothing else is left. */
  isDrained(): boolean {
    if (!this.#hasOnlyBackground) return false;
    if (this.#background === undefined) return true;
    cancelNode(this.#background, "the other tasks of the group are done", "its task group");
    return this.#background.firstChild === null;
  }

  get #hasOnlyBackground(): boolean {
    const { firstChild } = this.children;
    const hasNoTask = firstChild === null || (firstChild === this.#background && firstChild.next === null);
    return hasNoTask && this.scope.firstChild === this.children && this.children.next === null;
  }

  nextChange(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  childClosed(): void {
    if (this.#wake !== undefined && this.#hasOnlyBackground) this.#wake();
  }

  /** @throws the group's failure, or the cancellation that cut it. */
  close(): void {
    if (this.#background !== undefined) closeNode(this.#background);
    closeNode(this.children);
    closeNode(this.scope);
    const kept = this.#failures.atEnd();
    if (kept !== undefined) this.#failed(kept, "its failures");
    const end = this.#failure ?? (this.#outer && { error: this.#outer });
    if (end === undefined) return;
    if (end.error instanceof Cancelled) {
      const { parent } = this.scope;
      // Where it was only the children whom the checkpoints refused, it may be this task that goes round for ever.
      if (parent?.cancelledBy != null && !this.#isBodyCut) countRefusal(parent);
      markHandled(this.promise as Promise<unknown>);
    }
    throw end.error;
  }
}

class GroupNode extends Scope {
  readonly #group: Group;

  constructor(parent: ScopeNode, label: Label, group: Group) {
    super(parent, parent.loop, label);
    this.#group = group;
  }

  override get name(): string {
    return `task group "${super.name}"`;
  }

  override taskSettled(task: SettledTask): void {
    this.#group.taskSettled(task);
  }

  override childClosed(): void {
    this.#group.childClosed();
  }
}
