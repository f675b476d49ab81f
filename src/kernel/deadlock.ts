/**
 * A run in which nothing can ever happen again: who is blocked, and where.
 *
 * The waits are cut short, through shields too, as nothing that a shield protects could ever end. Each then throws a
 * `Cancelled` that is built where the wait is awaited, and that shows the place; so the run unwinds, cleanup included, and ends
 * with the report. A task in a native `await` cannot be cut short: when only such are left, the run ends without them.
 */
import { type Cancelled, DeadlockError } from "./errors.ts";
import { cancelNode, liftShields, walk } from "./propagation.ts";
import { ENDING, FAILED, FULFILLED, type ScopeNode, TASK } from "./scope-node.ts";

/** How many tasks a report names. */
const MAX_NAMED = 20;
/** How many frames of the user it shows of each. */
const MAX_FRAMES = 3;
/** Of how many cancellations of a task it looks for them. The first may be one that a signal handed to its listeners, built outside of the task. */
const MAX_MET = 8;

/** Where the library is, as stack frames name it: with the scheme of the URL or, where a test runner has loaded the module, without. */
const LIBRARY = new URL("..", import.meta.url).pathname;

export class Deadlock {
  readonly error: DeadlockError;
  readonly #root: ScopeNode;
  readonly #what: string;
  /** The tasks that were in a wait, and the first cancellations that each has met. */
  readonly #sites = new Map<ScopeNode, Cancelled[]>();

  constructor(root: ScopeNode, what: string) {
    this.#root = root;
    this.#what = what;
    this.error = new DeadlockError(what);
  }

  /** Cuts short every wait there is, and says whether there was one. */
  strike(): boolean {
    let hasWaits = false;
    walk(this.#root, (node) => {
      if (node.firstWaiter === null) return true;
      hasWaits = true;
      if (!this.#sites.has(node.taskNode)) this.#sites.set(node.taskNode, []);
      return true;
    });
    cancelNode(this.#root, this.error, "a deadlock");
    liftShields(this.#root);
    return hasWaits;
  }

  /** A wait at `node` was cut short, with this error. */
  met(node: ScopeNode, error: Cancelled): void {
    const met = this.#sites.get(node.taskNode);
    if (met !== undefined && met.length < MAX_MET) met.push(error);
  }

  /** The error, now that it is known who waited where. */
  report(): DeadlockError {
    const blocked: string[] = Array.from(this.#sites, ([task, met], index) =>
      index < MAX_NAMED ? waiting(task, met) : "",
    );
    for (const task of this.#tasksWithoutTasks()) if (!this.#sites.has(task)) blocked.push(awaiting(task));
    const shown = blocked.slice(0, MAX_NAMED);
    if (blocked.length > MAX_NAMED) shown.push(`and ${blocked.length - MAX_NAMED} more`);
    this.error.message = [this.#what, ...shown].join("\n  ");
    // The frames that found it are the loop's, and of no use to anybody.
    this.error.stack = `${this.error.name}: ${this.error.message}`;
    return this.error;
  }

  /** The tasks that have not settled, and have none below them that they could be waiting for. */
  #tasksWithoutTasks(): Set<ScopeNode> {
    const tasks = new Set<ScopeNode>();
    walk(this.#root, (node) => {
      const { flags } = node;
      const isSettled = (flags & (FULFILLED | FAILED)) !== 0 && (flags & ENDING) === 0;
      if ((flags & TASK) === 0 || isSettled) return true;
      tasks.add(node);
      // Parents come first, so one that is not there any more has had its ancestors taken away, too.
      for (let above = node.parent?.taskNode; above !== undefined && tasks.delete(above); )
        above = above.parent?.taskNode;
      return true;
    });
    return tasks;
  }
}

/** Whether anything in `root` waits to be told to end: then a signal can wake it, where signals are heard. */
export function hasPatientWait(root: ScopeNode): boolean {
  let isFound = false;
  walk(root, (node) => {
    for (let waiter = node.firstWaiter; waiter !== null && !isFound; waiter = waiter.nextInScope)
      isFound = waiter.isPatient === true;
    return !isFound;
  });
  return isFound;
}

function waiting(task: ScopeNode, met: readonly Cancelled[]): string {
  const frames = met.map(framesOf).find(({ length }) => length > 0) ?? [];
  return [`${task.title} waits`, ...frames].join("\n");
}

function awaiting(task: ScopeNode): string {
  return `${task.title} is in an await of its own, which cannot be seen into: until(promise) would show it`;
}

/** The user's frames of a stack, ready to be printed. */
function framesOf(error: Cancelled): string[] {
  return (error.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line) && !line.includes(LIBRARY) && !line.includes("node:internal"))
    .slice(0, MAX_FRAMES)
    .map((frame) => frame.replace(/^\s+/, "    "));
}
