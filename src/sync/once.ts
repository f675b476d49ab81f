/**
 * Work that is to be done once, whoever asks first.
 *
 *   idle --call--> running --returned--> kept         every call gives the value
 *                     |--threw--> idle                those who waited for this run get the error; the next call runs it again
 *                     `--its caller was cancelled--> running again, by the first who waits; idle if nobody does
 *
 * It runs in the task and in the scopes of the caller who came first: a task in the background would outlive its group. So that
 * caller's deadline cuts it, which is no reason for the others to fail.
 *
 * Rejected: keeping an error for good (a connection that could not be made once could never be made); a shield around the run (the
 * caller's own deadline would not hold).
 */
import { type Returned, settled } from "../kernel/body.ts";
import { checkFunction } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { enclose, rethrow } from "../kernel/enclose.ts";
import { Cancelled, DeadlockError } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode, Scope } from "../kernel/scope.ts";
import { isWithin, type ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";

/**
 * Wraps `fn` so that it runs once: the first call runs it, calls that come meanwhile wait for the same outcome, and later ones get the
 * value at once. An error goes to all who waited for that run, and is not kept: the next call runs `fn` again. Where the call
 * that runs `fn` is cancelled, the next in line runs it. The function made is always a checkpoint, and each call can be cancelled apart.
 *
 * It throws DeadlockError if `fn` calls it.
 *
 * @throws TypeError if `fn` is no function.
 *
 * @example
 * ```ts
 * const connection = once(() => connect(address));
 * const [first, second] = [await connection(), await connection()]; // the same
 * ```
 */
export function once<T>(fn: () => Returned<T>): () => Promise<T> {
  checkFunction("once", fn);
  const work = new Once(fn);
  return () => work.outcome();
}

class Once<T> {
  readonly #fn: () => Returned<T>;
  #value: Promise<T> | undefined;
  /** Where it runs, or who is about to run it. */
  #runner: Scope | Waiter<void> | undefined;
  readonly #waiters = new WaitQueue<Waiter<void>>();

  constructor(fn: () => Returned<T>) {
    this.#fn = fn;
  }

  outcome(): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.outcome());
    if (this.#value !== undefined) return this.#value;
    const runner = this.#runner;
    if (runner === undefined) return this.#run(scope);
    if (runner instanceof Scope && isWithin(scope, runner)) {
      return Promise.reject(
        new DeadlockError(`${runner.name} calls itself and would wait for itself: call what it wraps, or split it`),
      );
    }
    return quietly(() => this.#follow(scope));
  }

  async #follow(scope: ScopeNode): Promise<T> {
    const waiter = new Waiter<void>(scope);
    this.#waiters.push(waiter);
    await waiter.promise;
    return this.#value ?? this.#run(currentNode());
  }

  #run(parent: ScopeNode): Promise<T> {
    const node = new Scope(parent, parent.loop, `once(${this.#fn.name || "anonymous"})`);
    this.#runner = node;
    return enclose(node, () => this.#attempt(node), undefined, rethrow);
  }

  async #attempt(node: Scope): Promise<T> {
    try {
      // For whoever was told to take over, and was cancelled before that.
      if (mustDetour(node)) await detour(node, () => DONE);
      const value = await settled(this.#fn());
      this.#value = Promise.resolve(value);
      this.#runner = undefined;
      for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) waiter.wake();
      return value;
    } catch (error) {
      this.#runner = undefined;
      if (isCutFromOutside(error, node)) {
        this.#runner = this.#waiters.shift();
        this.#runner?.wake();
      } else {
        for (let next = this.#waiters.shift(); next !== undefined; next = this.#waiters.shift()) next.fail(() => error);
      }
      throw error;
    }
  }
}

/** Whether it is the caller who was cancelled: nothing that the work itself came to. */
function isCutFromOutside(error: unknown, node: Scope): boolean {
  const around = node.parent as ScopeNode;
  return error instanceof Cancelled && node.cancelledBy !== null && isWithin(around, error.scope);
}
