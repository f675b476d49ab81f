/**
 * A scope as the user holds it: the node of the tree with its public face, and the ambient "current" one.
 */
import { type Ambient, createAmbient } from "./ambient.ts";
import type { CancelScope } from "./cancel-scope.ts";
import { detour, mustDetour } from "./checkpoint.ts";
import { InvalidStateError } from "./errors.ts";
import { defaultLoop, type Loop } from "./ports.ts";
import { cancelNode, isStopping, setDeadline, stopNode } from "./propagation.ts";
import { BRANCH, CANCELLED, CAUGHT, CLOSED, type Label, ScopeNode, TASK } from "./scope-node.ts";
import { Waiter } from "./waiter.ts";

/** The public face of a node; tasks have it too. */
export abstract class ScopeFace extends ScopeNode implements CancelScope {
  get scope(): CancelScope {
    return this;
  }

  get cancelCalled(): boolean {
    return (this.flags & CANCELLED) !== 0;
  }

  get cancelledCaught(): boolean {
    return (this.flags & CAUGHT) !== 0;
  }

  get isCancelled(): boolean {
    return this.cancelledBy !== null;
  }

  get reason(): unknown {
    return (this.cancelledBy ?? this).extras?.reason;
  }

  get deadline(): number {
    return this.extras?.deadline ?? Infinity;
  }

  set deadline(when: number) {
    setDeadline(this, when);
  }

  get effectiveDeadline(): number {
    return this.deadlineBy?.extras?.deadline ?? Infinity;
  }

  get isStopping(): boolean {
    return isStopping(this);
  }

  get signal(): AbortSignal {
    const extras = this.rare();
    if (extras.controller === undefined) {
      extras.controller = new AbortController();
      if (this.cancelledBy !== null) extras.controller.abort(this.cancellation());
    }
    return extras.controller.signal;
  }

  cancel(reason?: unknown): void {
    cancelNode(this, reason, currentOrigin());
  }

  stop(options: { graceMs: number; reason?: unknown }): void {
    stopNode(this, options.graceMs, options.reason ?? "the grace period of a stop is over");
  }

  whenStopping(): Promise<void> {
    const here = currentNode();
    if (mustDetour(here)) return detour(here, () => this.whenStopping());
    if (isStopping(this)) return Promise.resolve();
    return new StopWaiter(here, this).promise;
  }
}

/** A scope that is no task. */
export class Scope extends ScopeFace {
  declare readonly loop: Loop;

  constructor(parent: ScopeNode | null, loop: Loop, label: Label, flags = 0) {
    super(parent, label, parent === null ? flags : flags | (parent.flags & BRANCH));
    this.loop = loop;
  }
}

class StopWaiter extends Waiter<void> {
  readonly isPatient = true;
  readonly #forget: () => void;

  constructor(scope: ScopeNode, node: ScopeNode) {
    super(scope);
    this.#forget = onStopping(node, () => this.wake());
  }

  protected override abandoned(): void {
    this.#forget();
  }
}

/** Calls `callback`, once, when a stop is asked of `node` or of one around it; now, if it was. The result takes that back. */
export function onStopping(node: ScopeNode, callback: () => void): () => void {
  if (isStopping(node)) {
    callback();
    return () => {};
  }
  const extras = openNode(node).rare();
  extras.stopWaiters ??= new Set();
  extras.stopWaiters.add(callback);
  return () => {
    // Where a scope was left, those who wait for its stop went over to the one around it.
    for (let at: ScopeNode | null = node; at !== null; at = at.parent) at.extras?.stopWaiters?.delete(callback);
  };
}

/** Where code runs that no `run` surrounds: primitives work there, and nothing can cancel it. */
class OutsideScope extends Scope {
  override cancel(): void {
    throw new InvalidStateError(
      "this is outside of every run: nothing can be cancelled here; wrap the code in run() or cancelScope()",
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

export const ambient: Ambient<ScopeNode> = createAmbient<ScopeNode>();

let outside: OutsideScope | undefined;

/** The innermost open node around the running code. */
export function currentNode(): ScopeNode {
  const node = ambient.get();
  if (node === undefined) return outsideNode();
  return (node.flags & CLOSED) === 0 ? node : openNode(node);
}

/** The innermost node around the running code, open or not: where its context variables are found. */
export function ambientNode(): ScopeNode {
  return ambient.get() ?? outsideNode();
}

/** Code that outlived its scope belongs to the nearest one around it that is still open; at last, to the run. */
function openNode(node: ScopeNode): ScopeNode {
  let at = node;
  while ((at.flags & CLOSED) !== 0 && at.parent !== null) at = at.parent;
  return at;
}

function outsideNode(): ScopeNode {
  outside ??= new OutsideScope(null, defaultLoop(), "outside of run");
  return outside;
}

/** The innermost scope around the running code: a task's own where no other was opened. */
export function currentScope(): CancelScope {
  return currentNode().scope;
}

/** The event loop that the running code belongs to. */
export function currentLoop(): Loop {
  return currentNode().loop;
}

/** Who the running code is, for people: the origin of a cancellation. */
export function currentOrigin(): string {
  const node = ambient.get()?.taskNode;
  return node === undefined || (node.flags & TASK) === 0 ? "code outside of every task" : node.title;
}

/** Whether a `run` surrounds the running code. */
export function isInsideRun(): boolean {
  return ambient.get() !== undefined;
}
