/**
 * What locks know about who holds them: a hold is one task's, and the guard that gives it back.
 *
 *   waiting --granted--> held --released--> over        only a hold that is in force can be given back, so a second dispose does nothing
 *   held --its owner ends--> orphaned                   those who wait, and who come, get `BrokenError`; whoever has the guard can still give it back
 *
 * A task tells its holds that it has ended only where somebody waits for them: an uncontended lock costs its owner nothing.
 * Code outside of every task counts as one owner, which is not checked: it may wait for itself and has no end.
 */
import { BrokenError } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import { CLOSED, type Entrusted, type ScopeNode, TASK } from "../kernel/scope-node.ts";
import type { Waiting, WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";

/** Something that tasks hold and wait for. */
export interface Holdable {
  /** With its kind, for messages: `lock "accounts"`. */
  readonly title: string;
  readonly waiters: WaitQueue<Claimant>;
  /** The queues of those who will want it back: they wait for a condition. */
  readonly sleeping?: ReadonlySet<WaitQueue<Claimant>>;
  /** Those in force. */
  holds(): Iterable<Hold>;
  /** Whether one of them is that of this task. */
  isHeldBy(task: ScopeNode): boolean;
  /** Does nothing for a hold that is not in force. */
  release(hold: Hold): void;
}

/** Somebody who waits until a hold is in force. */
export interface Claimant extends Waiting {
  readonly hold: Hold;
  /** It is in force now. */
  granted(): void;
  /** It never will be. */
  refused(make: () => unknown): void;
}

export class Hold implements Disposable, Entrusted {
  // Declared, and assigned in the constructor, as in `ScopeNode`.
  declare readonly of: Holdable;
  declare readonly owner: ScopeNode;
  /** Its place in the list of its owner, or -1 while it is in none. */
  declare private place: number;

  constructor(of: Holdable, owner: ScopeNode) {
    this.of = of;
    this.owner = owner;
    this.place = -1;
  }

  [Symbol.dispose](): void {
    this.of.release(this);
  }

  /** Whether its owner ended without giving it back. */
  get isOrphaned(): boolean {
    return hasEnded(this.owner);
  }

  /** From now on the end of the owner breaks those who wait. */
  watch(): void {
    if (this.place !== -1 || !isTask(this.owner)) return;
    const extras = this.owner.rare();
    extras.held ??= [];
    this.place = extras.held.push(this) - 1;
  }

  unwatch(): void {
    if (this.place === -1) return;
    const held = this.owner.extras?.held as Hold[];
    const last = held.pop() as Hold;
    if (last !== this) {
      held[this.place] = last;
      last.place = this.place;
    }
    this.place = -1;
  }

  ownerEnded(): void {
    const { waiters, sleeping = [] } = this.of;
    for (const queue of [waiters, ...sleeping]) {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) next.refused(() => orphaned(this));
    }
  }

  static {
    printsAs(Hold, ({ of }) => ({ of: of.title }), "Guard");
  }
}

export abstract class HoldWaiter<T> extends Waiter<T> implements Claimant {
  declare readonly hold: Hold;

  constructor(scope: ScopeNode, hold: Hold) {
    super(scope);
    this.hold = hold;
  }

  abstract granted(): void;

  refused(make: () => unknown): void {
    this.fail(make);
  }
}

/** Waits for the guard. */
export class GuardWaiter extends HoldWaiter<Disposable> {
  granted(): void {
    this.wake(this.hold);
  }
}

/**
 * Refuses a waiter whose task has ended meanwhile: it abandoned the wait, and nobody could ever give the thing back.
 * Says whether it did.
 */
export function refuseAbandoned(waiter: Claimant): boolean {
  const { hold } = waiter;
  if (!hold.isOrphaned) return false;
  waiter.refused(
    () =>
      new BrokenError(
        `task "${hold.owner.name}" ended while it waited for ${hold.of.title}: await what acquire returns`,
      ),
  );
  return true;
}

export function orphaned(hold: Hold): BrokenError {
  return new BrokenError(
    `task "${hold.owner.name}" ended without releasing ${hold.of.title}, and what it guards may be half done: ` +
      "hold it with `using`, so that it is released however the task ends",
  );
}

export function isTask(owner: ScopeNode): boolean {
  return (owner.flags & TASK) !== 0;
}

function hasEnded(owner: ScopeNode): boolean {
  return (owner.flags & (TASK | CLOSED)) === (TASK | CLOSED);
}
