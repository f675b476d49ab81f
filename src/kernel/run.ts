/**
 * `run`: where a tree of tasks begins, and how a standard signal cancels it.
 */

import { callBody, type Returned } from "./body.ts";
import { checkFunction } from "./check-function.ts";
import { Deadlock } from "./deadlock.ts";
import { enclose, rethrow } from "./enclose.ts";
import { Cancelled, InvalidStateError, suppress } from "./errors.ts";
import { checkSignal, linkSignal } from "./link-signal.ts";
import { defaultLoop, type Loop, objectionToLoop } from "./ports.ts";
import { cancelNode, closeNode } from "./propagation.ts";
import { quietly } from "./quiet.ts";
import { currentNode, isInsideRun, Scope } from "./scope.ts";
import type { Reportable, ScopeNode, SettledTask } from "./scope-node.ts";
import { TaskNode } from "./task.ts";
import { taskGroup } from "./task-group.ts";

/** Where a tree of tasks runs, what cancels it from outside, and how it is called. */
export interface RunOptions {
  /** The event loop: Node's by default. Inside another `run` it may only be the same. */
  readonly loop?: Loop;
  /** Cancels everything inside when aborted; its reason becomes the reason of the `Cancelled`. */
  readonly signal?: AbortSignal;
  /** What the run is called in messages. */
  readonly name?: string;
}

/**
 * Runs `fn` as the first task of a new tree, and settles with its outcome once everything started inside has ended.
 * Inside another `run` it is a child of the current scope. An aborted `signal` rejects with the `Cancelled` whose
 * reason is the signal's, unless `fn` finished first.
 *
 * @throws InvalidStateError if asked for another loop inside a `run`.
 * @throws TypeError if `fn` is no function, `signal` no `AbortSignal`, or `loop` no loop.
 */
export function run<T>(fn: () => Returned<T>, options: RunOptions = {}): Promise<T> {
  const { loop, signal } = options;
  const invalid = checkSignal("run", signal) ?? (loop === undefined ? loop : objectionToLoop("run", loop));
  if (invalid !== undefined) return Promise.reject(invalid);
  if (isInsideRun()) return runInside(currentNode(), fn, options);
  return quietly(() => runTree(fn, options));
}

function runInside<T>(parent: ScopeNode, fn: () => Returned<T>, options: RunOptions): Promise<T> {
  if (options.loop !== undefined && options.loop !== parent.loop) {
    return Promise.reject(
      new InvalidStateError(
        `run() on loop "${options.loop.name}" inside a run on loop "${parent.loop.name}": one tree of tasks has one loop`,
      ),
    );
  }
  const node = new Scope(parent, parent.loop, options.name ?? "run");
  const unlink = linkSignal(node, options.signal);
  return enclose(node, () => taskGroup(() => callBody(fn, undefined)), undefined, rethrow, unlink);
}

async function runTree<T>(fn: () => Returned<T>, options: RunOptions): Promise<T> {
  checkFunction("run", fn);
  const root = new RunNode(options.loop ?? defaultLoop(), options.name ?? "run");
  const { loop } = root;
  const unlink = linkSignal(root, options.signal);
  const stuck = (what: string): void => root.stuck(what);
  loop.attach(stuck);
  try {
    const { name } = options;
    loop.start(new TaskNode<T>(root, name === undefined ? fn : { name, run: fn }));
    return (await root.ended) as T;
  } finally {
    loop.detach(stuck);
    unlink();
    // Waits that were started and never awaited: nobody can want them now, and a timer would hold the process.
    cancelNode(root, "the run has ended", "its end");
    closeNode(root);
    for (const error of root.unobserved) error.report();
  }
}

/** The top of a tree. Its one child is the first task, whose outcome is that of the run. */
class RunNode extends Scope {
  #tell!: { resolve: (value: unknown) => void; reject: (error: unknown) => void };
  #deadlock: Deadlock | undefined;
  readonly #unobserved = new Set<Reportable>();
  readonly ended: Promise<unknown> = new Promise((resolve, reject) => {
    this.#tell = { resolve, reject };
  });

  constructor(loop: Loop, label: string) {
    super(null, loop, label);
  }

  override get unobserved(): Set<Reportable> {
    return this.#unobserved;
  }

  /** Nothing can ever happen again. Told again with no wait left to cut short, the run ends without what is left. */
  stuck(what: string): void {
    this.#deadlock ??= new Deadlock(this, what);
    if (!this.#deadlock.strike()) this.#tell.reject(this.#deadlock.report());
  }

  override met(node: ScopeNode, error: Cancelled): void {
    this.#deadlock?.met(node, error);
  }

  override taskSettled({ hasFailed, outcome }: SettledTask): void {
    const deadlock = this.#deadlock?.report();
    const isFound = outcome instanceof Cancelled && outcome.reason === deadlock;
    if (deadlock !== undefined && !isFound) {
      // Swallowed on the way, or lost in a failure of somebody's cleanup: it was there all the same.
      if (hasFailed) suppress(outcome, deadlock);
      else this.loop.warn(deadlock.message, "COPPICE_DEADLOCK");
    }
    if (hasFailed) this.#tell.reject(isFound && deadlock !== undefined ? deadlock : outcome);
    else this.#tell.resolve(outcome);
  }
}
