/**
 * How a `select` chooses: see there for the rules. Its cases, each a branch that has begun, and the one that was chosen.
 *
 * Invariant: while `#trial` is running, no other branch is in a wait that could have an effect.
 */
import { callInScope } from "../kernel/enclose.ts";
import { Cancelled, suppress } from "../kernel/errors.ts";
import { DONE, inMicrotask } from "../kernel/microtask.ts";
import { cancelNode, closeNode } from "../kernel/propagation.ts";
import { Scope } from "../kernel/scope.ts";
import { BRANCH, isWithin, type ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { Fn } from "./functions.ts";

/** How many microtasks a case has to show that it was ready: a wait through a few async functions takes three each. */
const PATIENCE = 12;

/** More operations than a case begins before its first wait. */
const AMPLE = 1_000;

type Ending = { readonly value: unknown } | { readonly error: unknown };

export class Choice {
  readonly #scope: ScopeNode;
  readonly #cases: readonly (readonly [key: string, fn: Fn<unknown>])[];
  /** The branches that may still be chosen, by the place of their case. */
  readonly #branches: (Branch | undefined)[] = [];
  /** The places of the cases whose first operation is not the wait that they are about. */
  readonly #composed = new Set<number>();
  readonly #running = new Set<Promise<void>>();
  #chosen: Branch | undefined;
  #trial: Branch | undefined;
  #failure: { readonly error: unknown } | undefined;
  #outer: Cancelled | undefined;

  constructor(scope: ScopeNode, cases: readonly (readonly [key: string, fn: Fn<unknown>])[]) {
    this.#scope = scope;
    this.#cases = cases;
  }

  /** The key and the value of the case that was chosen, when all have ended. */
  async made(): Promise<{ key: string; value: unknown }> {
    for (let place = 0; place < this.#cases.length && !this.#isOver; place++) {
      const branch = this.#begin(place);
      if (this.#isOnTrial(branch)) await this.#try(branch);
    }
    while (this.#running.size > 0) await Promise.all(this.#running);
    const ending = this.#chosen?.ending;
    if (this.#failure !== undefined) throw this.#failure.error;
    if (ending === undefined) throw this.#outer ?? this.#scope.cancellation();
    if ("error" in ending) throw ending.error;
    return { key: (this.#chosen as Branch).key, value: ending.value };
  }

  /** Nothing is to be begun any more. */
  get #isOver(): boolean {
    return this.#chosen !== undefined || this.#failure !== undefined || this.#scope.cancelledBy !== null;
  }

  /** Whether it does not wait and has not been chosen, and so has ended or may soon do so. */
  #isOnTrial(branch: Branch): boolean {
    return !this.#isOver && !branch.isWaiting;
  }

  /** Gives a case that has begun and does not wait the time to end. */
  async #try(branch: Branch): Promise<void> {
    const { place } = branch;
    const mayHaveTakenEffect = branch.hasBegunOperation && !this.#composed.has(place);
    const withdrawn = mayHaveTakenEffect ? this.#withdraw(place) : [];
    this.#trial = branch;
    for (let turn = 0; turn < PATIENCE && branch.ending === undefined && !branch.isWaiting; turn++) await DONE;
    this.#trial = undefined;
    if (branch.ending === undefined) this.#composed.add(place);
    this.#chooseEnded(branch);
    for (const earlier of withdrawn) {
      await earlier.run;
      if (this.#isOver) return;
      const again = this.#begin(earlier.place);
      if (this.#isOnTrial(again)) await this.#try(again);
    }
  }

  /** Calls the function of a case. The loop's budget tells whether an operation began, and is so ample meanwhile that none makes a detour. */
  #begin(place: number): Branch {
    const [key, fn] = this.#cases[place] as readonly [string, Fn<unknown>];
    const branch = new Branch(this, this.#scope, place, key);
    this.#branches[place] = branch;
    const { loop } = branch;
    const { budget } = loop;
    loop.budget = AMPLE;
    branch.run = this.#follow(branch, fn);
    const begun = AMPLE - loop.budget;
    loop.budget = budget - begun;
    branch.hasBegunOperation = begun !== 0;
    this.#running.add(branch.run);
    return branch;
  }

  async #follow(branch: Branch, fn: Fn<unknown>): Promise<void> {
    let ending: Ending;
    try {
      ending = { value: await callInScope(branch, fn, undefined) };
    } catch (error) {
      ending = { error };
    }
    closeNode(branch);
    this.#running.delete(branch.run as Promise<void>);
    this.#ended(branch, ending);
  }

  #ended(branch: Branch, ending: Ending): void {
    if ("error" in ending && this.#isCutOff(branch, ending.error)) return;
    branch.ending = ending;
    if (branch === this.#chosen && "error" in ending && this.#failure !== undefined)
      suppress(this.#failure.error, ending.error);
    if (this.#branches[branch.place] !== branch || (this.#chosen !== undefined && this.#chosen !== branch)) {
      if ("error" in ending) this.#failed(ending.error);
    } else if (this.#trial === undefined || this.#trial === branch) this.choose(branch);
  }

  /** Whether it is a cancellation in force; one from outside is kept. */
  #isCutOff(branch: Branch, error: unknown): boolean {
    if (!(error instanceof Cancelled)) return false;
    if (error.scope === branch) return branch.isWithdrawn;
    if (this.#scope.cancelledBy === null || !isWithin(this.#scope, error.scope)) return false;
    this.#outer ??= error;
    return true;
  }

  /** The error of a case that was not chosen, out of its cleanup. */
  #failed(error: unknown): void {
    const first = this.#failure ?? (this.#chosen?.ending as { error?: unknown } | undefined);
    if (first !== undefined && "error" in first) suppress(first.error, error);
    else this.#failure = { error };
    this.#dismissAll(undefined);
  }

  /** After the trial of `branch`: it goes before what has ended meanwhile. */
  #chooseEnded(branch: Branch): void {
    const ended = branch.ending !== undefined ? branch : this.#branches.find((each) => each?.ending !== undefined);
    if (ended !== undefined) this.choose(ended);
  }

  /** Takes back those begun before the case at `place` that are in a wait. */
  #withdraw(place: number): Branch[] {
    const withdrawn: Branch[] = [];
    for (const branch of this.#branches) {
      if (branch === undefined || branch.place === place || !branch.canTakeEffect) continue;
      this.#branches[branch.place] = undefined;
      withdrawn.push(branch);
      branch.withdraw("select: to be begun again");
    }
    return withdrawn;
  }

  choose(branch: Branch): void {
    if (this.#chosen !== undefined || this.#branches[branch.place] !== branch) return;
    this.#chosen = branch;
    this.#dismissAll(branch);
  }

  #dismissAll(chosen: Branch | undefined): void {
    for (const branch of this.#branches) {
      if (branch === undefined || branch === chosen || branch.isWithdrawn) continue;
      // What cannot have an effect can wait: the listeners of a signal are the user's, and this may be in the middle of a wake-up.
      if (branch.canTakeEffect) branch.withdraw("select: another case was chosen");
      else inMicrotask(() => branch.withdraw("select: another case was chosen"));
    }
  }
}

class Branch extends Scope {
  readonly place: number;
  readonly key: string;
  run: Promise<void> | undefined;
  /** Whether its function called an operation before it first waited. */
  hasBegunOperation = false;
  ending: Ending | undefined;
  isWithdrawn = false;
  readonly #choice: Choice;

  constructor(choice: Choice, parent: ScopeNode, place: number, key: string) {
    super(parent, parent.loop, `case "${key}" of select`, BRANCH);
    this.#choice = choice;
    this.place = place;
    this.key = key;
  }

  override waitEnded(): void {
    this.#choice.choose(this);
  }

  get isWaiting(): boolean {
    return holdsWait(this, () => true);
  }

  /** Whether it is in a wait of the library, which may be given something at any moment. */
  get canTakeEffect(): boolean {
    return holdsWait(this, (waiter) => waiter instanceof Waiter);
  }

  withdraw(reason: string): void {
    if (this.isWithdrawn) return;
    this.isWithdrawn = true;
    cancelNode(this, reason, "select");
  }
}

/** Whether `node`, or a scope inside of it, the first of each, has a wait that `concerns` picks. */
function holdsWait(node: ScopeNode, concerns: (waiter: unknown) => boolean): boolean {
  for (let at: ScopeNode | null = node; at !== null; at = at.firstChild) {
    for (let waiter = at.firstWaiter; waiter !== null; waiter = waiter.nextInScope) if (concerns(waiter)) return true;
  }
  return false;
}
