/**
 * The tree of cancellation: every scope, task group and task is one node.
 *
 * Invariants
 * - `cancelledBy` is the outermost cancelled node that is visible from here (no shield in between), or null.
 *   It is kept on every node, so that a checkpoint reads one field instead of walking up.
 * - `deadlineBy` is the node with the earliest deadline visible from here, or null, for the same reason.
 * - `firstChild` and `firstWaiter` head lists in order of arrival (`links.ts`): cancellation is delivered oldest first.
 * - A closed node has no children and no waiters: what it left behind belongs to its parent.
 *
 * What a plain scope never needs (deadline, reason, signal, shield, stop) sits in `extras`, made when first used:
 * a parked task must cost little more than the async function it runs.
 *
 * Rejected: an `AbortSignal` per scope (2 us each, listeners leak); a `Set` of children (five times the memory);
 * walking up at each checkpoint (a checkpoint in 5,000 nested scopes must cost the same as in one).
 */
import type { CancelScope } from "./cancel-scope.ts";
import { Cancelled } from "./errors.ts";
import { appendChild } from "./links.ts";
import type { Loop, Timer } from "./ports.ts";

/** Bits of `ScopeNode.flags`. */
export const CLOSED = 1;
export const CANCELLED = 2;
export const SHIELD = 4;
export const CAUGHT = 8;
/** The cancellation came from the node's own deadline. */
export const EXPIRED = 16;
export const STOPPING = 32;
/** A task whose function has ended while scopes that it opened are still open. */
export const ENDING = 64;
export const TASK = 128;
/** The function of a task returned, or threw. */
export const FULFILLED = 256;
export const FAILED = 512;
/** Somebody has seen how a task ended. */
export const OBSERVED = 1024;
/** A case of a `select`, or a scope inside of one: the first wait to end in it decides, in that very moment. */
export const BRANCH = 2048;
/** A checkpoint has refused this task once: most tasks never see a second time. */
export const REFUSED = 4096;

/** A wait that a cancellation can cut short. */
export interface Interruptible {
  scope: ScopeNode;
  nextInScope: Interruptible | null;
  /** Null while it is in no scope. */
  prevInScope: Interruptible | null;
  /** Whether it waits to be told to end, and for nothing else. */
  readonly isPatient?: boolean;
  /** Called once, already unlinked. May return what must run after the whole tree was told (user code). */
  interrupt(): (() => void) | undefined;
}

export class ScopeExtras {
  reason: unknown = undefined;
  /** Who cancelled it, for people. */
  origin = "";
  /** Loop time of the cancellation; grace periods count from it. */
  cancelledAt = 0;
  deadline: number = Infinity;
  deadlineTimer: Timer | undefined = undefined;
  graceMs: number = Infinity;
  graceTimer: Timer | undefined = undefined;
  stopAt: number = Infinity;
  stopTimer: Timer | undefined = undefined;
  controller: AbortController | undefined = undefined;
  /** Wakes those who wait for a stop. */
  stopWaiters: Set<() => void> | undefined = undefined;
  /** How a task ended that still waits for scopes it left open. */
  outcome: unknown = undefined;
  /** The context variables that were set in this task. */
  context: ReadonlyMap<object, unknown> | undefined = undefined;
  /** How many waits this cancellation has cut short, and the error that is shared by those that came late. */
  cutWaits = 0;
  commonError: Promise<never> | undefined = undefined;
  /** How often a checkpoint refused this task since `refusedBy` was cancelled. */
  refusals = 0;
  refusedBy: ScopeNode | null = null;
  /** What this task holds while others wait for it. */
  held: Entrusted[] | undefined = undefined;
}

/** Something that a task holds, told when the task has ended without giving it back. */
export interface Entrusted {
  ownerEnded(): void;
}

/** A name, or the function that the node runs, whose name is then read when somebody asks. */
export type Label = string | { readonly name: string };

/** Something that is told to the operator if nobody has looked at it by the end of the run. */
export interface Reportable {
  report(): void;
}

/** Lets Node print the instances of a class, in the console and in failed assertions, by their `toString`. */
export function printsAsText(printed: { readonly prototype: object }): void {
  Object.defineProperty(printed.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: toText });
}

function toText(this: object): string {
  return String(this);
}

/** What the parent of a task sees of it. */
export interface SettledTask {
  readonly name: string;
  readonly scope: CancelScope;
  /** Whether it settled with an error, a cancellation included. */
  readonly hasFailed: boolean;
  /** Its value or its error. */
  readonly outcome: unknown;
  readonly flags: number;
}

export abstract class ScopeNode {
  // Declared, and assigned in the constructor: the initializers of class fields run as a function for each class of a hierarchy,
  // which costs a request of a service 10 %.
  declare parent: ScopeNode | null;
  declare next: ScopeNode | null;
  declare prev: ScopeNode;
  declare firstChild: ScopeNode | null;
  declare firstWaiter: Interruptible | null;
  declare cancelledBy: ScopeNode | null;
  declare deadlineBy: ScopeNode | null;
  declare extras: ScopeExtras | null;
  declare flags: number;
  declare readonly label: Label;

  constructor(parent: ScopeNode | null, label: Label, flags: number) {
    this.parent = parent;
    this.next = null;
    this.prev = this;
    this.firstChild = null;
    this.firstWaiter = null;
    this.extras = null;
    this.label = label;
    this.flags = flags;
    const isOpen = parent !== null && (flags & SHIELD) === 0;
    this.cancelledBy = isOpen ? parent.cancelledBy : null;
    this.deadlineBy = isOpen ? parent.deadlineBy : null;
    if (parent !== null) appendChild(parent, this);
  }

  /** The event loop that everything in this tree runs on. A task asks its parent: that spares it a field. */
  abstract readonly loop: Loop;

  /** What the user sees of this node. */
  abstract readonly scope: CancelScope;

  get name(): string {
    return typeof this.label === "string" ? this.label : this.label.name || "anonymous";
  }

  /** The task that this code runs in; at the top, the root itself. */
  get taskNode(): ScopeNode {
    let at: ScopeNode = this;
    while ((at.flags & TASK) === 0 && at.parent !== null) at = at.parent;
    return at;
  }

  /** The name as messages give it. */
  get title(): string {
    return this.name;
  }

  /** How it is printed: in one line, and not with the tree that hangs on it. */
  toString(): string {
    return `<${this.title}: ${this.state}>`;
  }

  /** What is going on with it, in a word. */
  protected get state(): string {
    if ((this.flags & CLOSED) !== 0) return "closed";
    return (this.flags & CANCELLED) !== 0 ? "cancelled" : "open";
  }

  /** The top of the tree. */
  get root(): ScopeNode {
    let at: ScopeNode = this;
    while (at.parent !== null) at = at.parent;
    return at;
  }

  /** At the top of a run: the errors in it that nobody has looked at yet. */
  get unobserved(): Set<Reportable> | undefined {
    return undefined;
  }

  /** The rare part, made now if need be. */
  rare(): ScopeExtras {
    this.extras ??= new ScopeExtras();
    return this.extras;
  }

  /** The error that a checkpoint here throws. */
  cancellation(): Cancelled {
    const by = this.cancelledBy ?? this;
    const error = new Cancelled(by.scope, by.title, by.extras?.reason, by.extras?.origin ?? "");
    by.met(this, error);
    return error;
  }

  /** A checkpoint at `_node` has built the error of this node's cancellation. */
  met(_node: ScopeNode, _error: Cancelled): void {}

  abstract readonly isCancelled: boolean;

  /** A task right below this node has settled; its failure is the concern of this node. */
  taskSettled(_task: SettledTask): void {}

  /** A child has left the list. Groups and ending tasks look whether they are done. */
  childClosed(): void {}

  /** Of a branch: a wait in it has ended by itself, with a value or an error. */
  waitEnded(): void {}

  static {
    printsAsText(ScopeNode);
  }
}

/** Tells the branches around `scope` that a wait in it has ended. */
export function endedInBranch(scope: ScopeNode): void {
  for (let at: ScopeNode | null = scope; at !== null && (at.flags & BRANCH) !== 0; at = at.parent) at.waitEnded();
}

/** Whether `scope` is `node` or one of those around it. */
export function isWithin(node: ScopeNode, scope: CancelScope): boolean {
  for (let at: ScopeNode | null = node; at !== null; at = at.parent) if (at.scope === scope) return true;
  return false;
}
