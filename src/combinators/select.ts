/**
 * Waiting for the first of several operations, so that exactly one of them happens.
 *
 * What a race cannot promise: where two channels have a value in the same moment, a race receives both and drops one. Here
 *
 * - every case runs in a scope of its own, a branch, inside the task that selects (so a lock taken by a case is the task's own);
 * - the first wait to end in a branch decides while it is being woken, before anything else can be delivered: the kernel tells us
 *   (`waitEnded`), and the waits of all other branches leave their queues at once;
 * - an operation that finds its value ready when it is called has no wait that could end. Rule 7 makes it visible all the same: every operation
 *   counts the loop's budget down. A case that did so and then does not wait may have had its effect: those begun before it, which could have
 *   theirs any moment, are withdrawn at once, and it gets a few microtasks to end. If it does not, because it passed a checkpoint without any
 *   effect, the withdrawn ones begin again.
 *
 *   begun --a wait in it ended, or it ended--> chosen; all others are cancelled and awaited
 *   begun --withdrawn--> begun again, from its start
 *
 * It does not talk to itself: a `send` and a `receive` on one channel in one select are one case too many.
 *
 * Rejected: a task for each case (a lock would belong to the case); drawing among the cases that are ready, as Go does (the order is worth
 * more to whoever writes the cases, and a seed can shuffle who becomes ready); asking each primitive for a try-version (composed and
 * foreign waits have none).
 */
import { checkFunction, describe } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { Choice } from "./choice.ts";
import type { Fn, Outcome } from "./functions.ts";

/** The functions to choose among, by name. A case that is `undefined`, `null` or `false` is left out. */
export type SelectCases = Readonly<Record<string, Fn<unknown> | undefined | null | false>>;

/** The case that was chosen, and what it gave. Its `key` tells which, and with it the type of the `value`. */
export type Selected<C extends SelectCases> = {
  [K in keyof C & string]: Extract<C[K], Fn<unknown>> extends never
    ? never
    : { readonly key: K; readonly value: Outcome<Extract<C[K], Fn<unknown>>> };
}[keyof C & string];

/**
 * Waits for the first of several operations and gives its key and value; the others are cancelled, and have had no effect. Of those that are
 * ready at once, the first in the order of writing is taken (JavaScript puts keys that are whole numbers in front).
 *
 * Make each case one wait, called directly: `receive`, `send`, `acquire`, `wait`, `sleep`, `until`, a task. Then a value, a lock or a permit
 * that a case got is never lost. What there is to do with it comes after the select. In a case of several waits the first one to end
 * decides, and the rest of it is waited for; a case may be begun again before one is chosen. A case that is `undefined`, `null` or `false` is
 * left out, so that `ready && (() => rx.receive())` is a guard.
 *
 * Always a checkpoint. An error of the chosen case is thrown, and so is one out of the cleanup of another case, which wins.
 *
 * @throws RangeError if there is no case, or all are left out.
 * @throws TypeError if a case is neither a function nor left out.
 *
 * @example
 * ```ts
 * const first = await select({ job: () => jobs.receive(), tick: () => sleep(1_000), stop: () => stopped.wait() });
 * if (first.key === "job") await work(first.value);
 * ```
 */
export function select<const C extends SelectCases>(cases: C): Promise<Selected<C>> {
  let open: [key: string, fn: Fn<unknown>][];
  try {
    open = openCases(cases);
  } catch (error) {
    return Promise.reject(error);
  }
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => select(cases));
  return quietly(() => new Choice(scope, open).made() as Promise<Selected<C>>);
}

function openCases(cases: SelectCases): [string, Fn<unknown>][] {
  if (typeof cases !== "object" || cases === null) {
    throw new TypeError(`select: expected an object of functions, got ${describe(cases)}`);
  }
  const open: [string, Fn<unknown>][] = [];
  for (const [key, fn] of Object.entries(cases)) {
    if (fn === undefined || fn === null || fn === false) continue;
    checkFunction(`select: case "${key}"`, fn);
    open.push([key, fn]);
  }
  if (open.length === 0) throw new RangeError("select: expected one case or more, got none: it would wait for ever");
  return open;
}
