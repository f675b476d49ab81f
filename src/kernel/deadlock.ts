/**
 * A run in which nothing can ever happen again: who is blocked, and where.
 *
 * The waits are cut short, through shields too, as nothing that a shield protects could ever end. Each then throws a
 * `Cancelled` that is built where the wait is awaited, and that shows the place; so the run unwinds, cleanup included, and ends
 * with the report. A task in a native `await` cannot be cut short: when only such are left, the run ends without them.
 */
import { type Cancelled, DeadlockError } from "./errors.ts";
import { cancelNode, liftShields, walk } from "./propagation.ts";
import { FAILED, FULFILLED, type ScopeNode, TASK } from "./scope-node.ts";

/** How many tasks a report names. */
const MAX_NAMED = 20;
/** How many frames of the user it shows of each. */
const MAX_FRAMES = 3;

/** Where the library is, as stack frames name it: with the scheme of the URL or, where a test runner has loaded the module, without. */
const LIBRARY = new URL("..", import.meta.url).pathname;

export class Deadlock {
  readonly error: DeadlockError;
  readonly #root: ScopeNode;
  readonly #what: string;
  /** The first cancellation that each task met, by the task. */
  readonly #sites = new Map<ScopeNode, Cancelled | undefined>();

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
      if (!this.#sites.has(node.taskNode)) this.#sites.set(node.taskNode, undefined);
      return true;
    });
    cancelNode(this.#root, this.error, "a deadlock");
    liftShields(this.#root);
    return hasWaits;
  }

  /** A wait at `node` was cut short, with this error. */
  met(node: ScopeNode, error: Cancelled): void {
    const task = node.taskNode;
    if (this.#sites.has(task) && this.#sites.get(task) === undefined) this.#sites.set(task, error);
  }

  /** The error, now that it is known who waited where. */
  report(): DeadlockError {
    walk(this.#root, (node) => {
      const isRunning = (node.flags & (TASK | FULFILLED | FAILED)) === TASK;
      if (isRunning && node.firstChild === null && !this.#sites.has(node)) this.#sites.set(node, undefined);
      return true;
    });
    const blocked = Array.from(this.#sites, ([task, met]) => describe(task, met));
    const shown = blocked.slice(0, MAX_NAMED);
    if (blocked.length > MAX_NAMED) shown.push(`and ${blocked.length - MAX_NAMED} more`);
    this.error.message = [this.#what, ...shown].join("\n  ");
    // The frames that found it are the loop's, and of no use to anybody.
    this.error.stack = `${this.error.name}: ${this.error.message}`;
    return this.error;
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

function describe(task: ScopeNode, met: Cancelled | undefined): string {
  const name = (task.flags & TASK) === 0 ? task.name : `task "${task.name}"`;
  if (met === undefined)
    return `${name} is in an await of its own, which cannot be seen into: until(promise) would show it`;
  const frames = (met.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line) && !line.includes(LIBRARY) && !line.includes("node:internal"))
    .slice(0, MAX_FRAMES);
  return [`${name} waits`, ...frames.map((frame) => frame.replace(/^\s+/, "      "))].join("\n");
}
