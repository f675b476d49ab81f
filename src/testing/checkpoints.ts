/**
 * Asserting that a function is a checkpoint, or that it is none. After Trio's.
 *
 * Every waiting function looks at its entry whether its scope is cancelled and counts its loop's budget down (`kernel/checkpoint.ts`): that is
 * the place where a cancellation would be delivered and where the event loop would get its turn, so one observation shows both.
 * It is made at the budget, which becomes an accessor of the loop while somebody looks; a normal program pays nothing for it.
 *
 * Rejected: running the function in a cancelled scope, to see whether it throws (it would have no effect, or half of one).
 */
import { AssertionError } from "node:assert";
import { type Returned, settled } from "../kernel/body.ts";
import { enclose, rethrow } from "../kernel/enclose.ts";
import { suppress } from "../kernel/errors.ts";
import type { Loop } from "../kernel/ports.ts";
import { currentNode, Scope } from "../kernel/scope.ts";
import { isWithin, type ScopeNode } from "../kernel/scope-node.ts";

/**
 * Calls `fn` and fails unless it executed a checkpoint by the time that it settled: a point at which a cancellation would have been thrown, and
 * the event loop would have had its turn if one was due. What tasks that it spawned did does not count. An error of `fn` passes.
 *
 * @throws AssertionError if there was no checkpoint; its stack shows the call.
 */
export function assertCheckpoints<T>(fn: () => Returned<T>): Promise<T> {
  const failure = new AssertionError({
    message:
      `expected a checkpoint, and ${nameOf(fn)} executed none: ` +
      "a task can neither be cancelled there nor lets the event loop have its turn",
    stackStartFn: assertCheckpoints,
  });
  return watched(fn, (watch) => {
    if (watch.first === undefined && watch.failure === undefined) throw failure;
  });
}

/**
 * Calls `fn` and fails if it executed a checkpoint, in the sense of `assertCheckpoints`. Waiting for something foreign (a plain
 * promise) is none. Fails also where `fn` failed, as it does in a cancelled scope; its error is then among the `suppressedErrors` of this one.
 *
 * @throws AssertionError if there was a checkpoint; its stack shows the call, its `cause` the first checkpoint.
 */
export function assertNoCheckpoints<T>(fn: () => Returned<T>): Promise<T> {
  const failure = new AssertionError({
    message: `expected no checkpoint, and ${nameOf(fn)} executed one: the cause shows where`,
    stackStartFn: assertNoCheckpoints,
  });
  return watched(fn, (watch) => {
    if (watch.first === undefined) return;
    if (watch.failure !== undefined) suppress(failure, watch.failure.error);
    throw Object.assign(failure, { cause: watch.first });
  });
}

function nameOf(fn: { readonly name: string }): string {
  return fn.name === "" ? "the function" : `${fn.name}()`;
}

function watched<T>(fn: () => Returned<T>, check: (watch: Watch) => void): Promise<T> {
  const watch = new Watch(currentNode());
  const body = async (): Promise<T> => {
    try {
      return await settled(fn());
    } catch (error) {
      watch.failure = { error };
      throw error;
    } finally {
      watch.end();
      check(watch);
    }
  };
  return enclose(watch.scope, body, undefined, rethrow);
}

/** Observes the checkpoints that one task executes in one scope. */
class Watch {
  readonly scope: Scope;
  /** Made at the first checkpoint. */
  first: Error | undefined;
  failure: { readonly error: unknown } | undefined;

  constructor(around: ScopeNode) {
    this.scope = new Scope(around, around.loop, "an assertion about checkpoints");
    const known = observed.get(around.loop);
    if (known === undefined) observe(around.loop, this);
    else known.add(this);
  }

  end(): void {
    const { loop } = this.scope;
    const watches = observed.get(loop);
    watches?.delete(this);
    if (watches?.size !== 0) return;
    observed.delete(loop);
    // What was there before: a plain field.
    Object.defineProperty(loop, "budget", { value: loop.budget, writable: true, enumerable: true, configurable: true });
  }

  passed(node: ScopeNode): void {
    if (this.first !== undefined || node.taskNode !== this.scope.taskNode || !isWithin(node, this.scope)) return;
    this.first = new Error("the first checkpoint was executed here");
  }
}

const observed = new Map<Loop, Set<Watch>>();

function observe(loop: Loop, first: Watch): void {
  const watches = new Set([first]);
  observed.set(loop, watches);
  let budget = loop.budget;
  Object.defineProperty(loop, "budget", {
    get: () => budget,
    set: (left: number) => {
      // Up is a refill, down by one a checkpoint, by more the end of a group.
      if (left === budget - 1) for (const watch of watches) watch.passed(currentNode());
      budget = left;
    },
    enumerable: true,
    configurable: true,
  });
}
