/**
 * The ground on which an event loop's callbacks and tasks stand: a tree of their own, beside that of every `run`.
 *
 *   home       the root: where callbacks run; cancelled only when the loop has been closed
 *     tasks    the parent of `createTask`'s tasks: cancelled first
 *
 * A callback belongs to no task, so the cancellation of whoever scheduled it does not reach it; the values of every other
 * `AsyncLocalStorage` are those of its maker.
 */
import { captureContext, type InContext } from "../kernel/ambient.ts";
import { Cancelled, InvalidStateError } from "../kernel/errors.ts";
import { instruments } from "../kernel/instrument.ts";
import type { Loop } from "../kernel/ports.ts";
import { cancelNode, closeNode } from "../kernel/propagation.ts";
import { ambient, currentNode, currentOrigin, isInsideRun, Scope } from "../kernel/scope.ts";
import { OBSERVED, type Reportable, type ScopeNode, type SettledTask } from "../kernel/scope-node.ts";
import { TaskNode } from "../kernel/task.ts";
import { Unobserved } from "../kernel/unobserved.ts";
import { ExceptionReports } from "./exceptions.ts";

/** Something that lives until it is closed: a server, a connection, an endpoint, a process. */
export interface Resource {
  /** Ends it now. It leaves the home's `resources` when it is gone. */
  abort(): void;
}

export class Home extends Scope {
  readonly exceptions: ExceptionReports;
  readonly tasks: TasksNode;
  readonly resources: Set<Resource> = new Set();
  readonly #unobserved = new Set<Reportable>();
  readonly #misused = new Set<string>();
  #isClosing = false;
  /** Told when a task, a resource or a scope that a callback opened has ended. */
  #changed: (() => void) | undefined;

  constructor(loop: Loop) {
    super(null, loop, "event loop");
    this.exceptions = new ExceptionReports(loop);
    this.tasks = new TasksNode(this);
  }

  override get unobserved(): Set<Reportable> {
    return this.#unobserved;
  }

  /** What calls functions in the asynchronous context of this call, and outside of every task. */
  context(): InContext {
    return ambient.within(this, captureContext, undefined, undefined);
  }

  /** Calls `fn(a)` outside of every task, so that what it opens belongs to none. */
  outside<A, R>(fn: (a: A) => R, a: A): R {
    return ambient.within(this, fn, a, undefined);
  }

  /** One that comes when the loop is being closed, or was, is ended at once. */
  open(resource: Resource): void {
    this.resources.add(resource);
    if (this.#isClosing) resource.abort();
  }

  /** Ends all that is open, and what was still being opened as soon as it is there. */
  abortAll(): void {
    this.#isClosing = true;
    for (const resource of [...this.resources]) resource.abort();
  }

  gone(resource: Resource): void {
    this.resources.delete(resource);
    this.#changed?.();
  }

  /** In debug mode: reports, once for each `what`, that it was done from a task of another loop. */
  checkLoop(what: string): void {
    if (instruments.debug?.isWatching(this.loop) !== true || !isInsideRun() || currentNode().loop === this.loop) return;
    if (this.#misused.has(what)) return;
    this.#misused.add(what);
    this.loop.warn(
      `${what} of event loop "${this.loop.name}", from ${currentOrigin()} on loop "${currentNode().loop.name}": use currentEventLoop() there`,
      "COPPICE_WRONG_LOOP",
    );
  }

  override childClosed(): void {
    this.#changed?.();
  }

  /** Settles when `isTrue` says so; asked whenever something here has ended. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  /** Nothing begins here any more: what was left waiting is cut short, and errors that nobody has seen are reported. */
  end(reason: string): void {
    cancelNode(this, reason, "its end");
    closeNode(this.tasks);
    closeNode(this);
    for (const error of [...this.#unobserved]) error.report();
  }

  // Whoever asks for the scope of a callback gets this; it is everybody's.

  override cancel(): void {
    throw new InvalidStateError(
      "this callback belongs to the event loop, which is not cancelled: use cancelScope() inside, or close the loop",
    );
  }

  override stop(): void {
    this.cancel();
  }

  override get deadline(): number {
    return Infinity;
  }

  override set deadline(_when: number) {
    this.cancel();
  }
}

class TasksNode extends Scope {
  readonly #home: Home;

  constructor(home: Home) {
    super(home, home.loop, "tasks of the event loop");
    this.#home = home;
  }

  override taskSettled(task: SettledTask): void {
    if ((task.flags & OBSERVED) === 0) (task as LoopTask<unknown>).endedUnseen();
  }

  override childClosed(): void {
    this.#home.childClosed();
  }
}

/** A task of `createTask`. Its failure is nobody's until somebody asks: one that is never seen is reported. */
export class LoopTask<T> extends TaskNode<T> {
  #unseen: Unseen | undefined = undefined;

  /** It has ended, and nobody waits for it. */
  endedUnseen(): void {
    const scope = this.parent as ScopeNode;
    if (this.outcome instanceof Cancelled) return;
    if (this.hasFailed) this.#unseen = new Unobserved(this, this.title, this.outcome, scope);
    else if (instruments.debug?.isWatching(this.loop) === true) this.#unseen = new NeverAwaited(this, scope);
  }

  override result(): T {
    this.#seen();
    return super.result();
  }

  override error(): unknown {
    this.#seen();
    return super.error();
  }

  override joined(): Promise<T> {
    this.#seen();
    return super.joined();
  }

  #seen(): void {
    this.#unseen?.seen();
    this.#unseen = undefined;
  }
}

interface Unseen extends Reportable {
  seen(): void;
}

const collected = new FinalizationRegistry<NeverAwaited>((neverAwaited) => neverAwaited.report());

/** In debug mode: a task that came to a good end of which nobody wanted to know. Reported when it is collected as garbage, or when the loop is closed. */
class NeverAwaited implements Unseen {
  readonly #title: string;
  readonly #place: string;
  readonly #loop: Loop;
  readonly #pending: Set<Reportable> | undefined;

  constructor(task: LoopTask<unknown>, scope: ScopeNode) {
    this.#title = task.title;
    this.#place = instruments.debug?.madeAt(task) ?? "";
    this.#loop = scope.loop;
    this.#pending = scope.root.unobserved;
    this.#pending?.add(this);
    collected.register(task, this, this);
  }

  seen(): void {
    this.#pending?.delete(this);
    collected.unregister(this);
  }

  report(): void {
    this.seen();
    this.#loop.warn(
      `${this.#title} was never awaited, nor asked for its result: await it, or spawn it in a task group${this.#place}`,
      "COPPICE_NEVER_AWAITED",
    );
  }
}
