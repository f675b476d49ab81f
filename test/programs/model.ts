/**
 * What the rules say, as slow and as plain as possible: a tree of scopes, looked up by walking, and tasks as generators that are
 * polled. No line of it is the library's. Only for programs in which nothing happens in the same moment by chance.
 */

/** Errors, as far as they matter. `Cancelled` is named by the scope that was cancelled. */
export class ModelError {
  readonly label: string;
  readonly scope: ModelScope | undefined;
  readonly reason: string;
  readonly suppressed: ModelError[] = [];

  constructor(label: string, scope?: ModelScope, reason = "") {
    this.label = label;
    this.scope = scope;
    this.reason = reason;
  }

  suppress(later: ModelError): void {
    if (later !== this && !this.suppressed.includes(later)) this.suppressed.push(later);
  }
}

export class ModelScope {
  readonly label: string;
  readonly parent: ModelScope | undefined;
  isOpen = true;
  isShield = false;
  graceMs = Infinity;
  /** When the grace period of a shield began: at the first cancellation outside that it hid. */
  graceFrom: number | undefined;
  cancelledAt: number | undefined;
  reason = "";
  isExpired = false;
  isCaught = false;
  isStopping = false;
  stopAt = Infinity;
  stopReason = "";
  deadline = Infinity;

  constructor(label: string, parent?: ModelScope) {
    this.label = label;
    this.parent = parent;
  }

  /** From here outwards, up to the nearest shield. */
  *visible(): Generator<ModelScope> {
    let at: ModelScope | undefined = this;
    for (; at !== undefined; at = at.parent) {
      yield at;
      if (at.isShield) return;
    }
  }

  /** The outermost cancelled one that is visible. */
  get cancelledBy(): ModelScope | undefined {
    return [...this.visible()].findLast((scope) => scope.cancelledAt !== undefined);
  }

  get effectiveDeadline(): number {
    return Math.min(...[...this.visible()].map((scope) => scope.deadline));
  }

  /** Shields do not hide it. */
  get hearsStop(): boolean {
    return this.isStopping || (this.parent?.hearsStop ?? false);
  }

  isWithin(scope: ModelScope): boolean {
    return this === scope || (this.parent?.isWithin(scope) ?? false);
  }
}

/** What a task waits for. Without `isDeaf` a cancellation ends the wait. */
export interface ModelWait {
  readonly scope: ModelScope;
  readonly isReady: () => boolean;
  readonly at?: number;
  readonly isDeaf?: boolean;
  /** Called once when the scope is cancelled; the wait goes on. */
  readonly cut?: () => void;
}

export type Fiber<T> = Generator<ModelWait, T>;

interface Running {
  readonly fiber: Fiber<void>;
  wait: ModelWait | undefined;
  isCut: boolean;
}

/** Time, and all that runs in it. */
export class ModelWorld {
  now = 0;
  /**
   * Whether a scope was cancelled in the same moment as one inside of it, by what followed from that: which of the two a task in there is
   * told of depends on who is faster.
   */
  isOpenWhoIsNamed = false;
  readonly scopes: ModelScope[] = [];
  readonly #running: Running[] = [];

  open(label: string, parent?: ModelScope): ModelScope {
    const scope = new ModelScope(label, parent);
    this.scopes.push(scope);
    return scope;
  }

  shield(label: string, parent: ModelScope, graceMs: number): ModelScope {
    const scope = this.open(label, parent);
    scope.isShield = true;
    scope.graceMs = graceMs;
    this.#look();
    return scope;
  }

  start(fiber: Fiber<void>): void {
    this.#running.push({ fiber, wait: undefined, isCut: false });
  }

  cancel(scope: ModelScope, reason: string): void {
    if (!scope.isOpen || scope.cancelledAt !== undefined) return;
    for (const inner of this.scopes) {
      if (inner.isOpen && inner.cancelledAt === this.now && inner.isWithin(scope)) this.isOpenWhoIsNamed = true;
    }
    scope.cancelledAt = this.now;
    scope.reason = reason;
    this.#interrupt();
  }

  stop(scope: ModelScope, graceMs: number, reason: string): void {
    if (!scope.isOpen || scope.cancelledAt !== undefined) return;
    scope.isStopping = true;
    if (this.now + graceMs >= scope.stopAt) return;
    scope.stopAt = this.now + graceMs;
    scope.stopReason = reason;
  }

  cancellation(scope: ModelScope): ModelError {
    const by = scope.cancelledBy as ModelScope;
    return new ModelError(`cancelled by ${by.label} (${by.reason})`, by, by.reason);
  }

  *sleep(scope: ModelScope, ms: number): Fiber<void> {
    const at = this.now + ms;
    yield* this.wait({ scope, at, isReady: () => this.now >= at });
  }

  /** Every wait is a checkpoint. */
  *wait(wait: ModelWait): Fiber<void> {
    if (wait.isDeaf !== true && wait.scope.cancelledBy !== undefined) throw this.cancellation(wait.scope);
    yield wait;
  }

  run(): void {
    for (;;) {
      this.#look();
      if (this.#running.some((one) => this.#resume(one))) continue;
      const next = this.#nextMoment();
      if (next === Infinity) return;
      this.now = next;
      this.#fire();
    }
  }

  get isOver(): boolean {
    return this.#running.length === 0;
  }

  #resume(one: Running): boolean {
    const { fiber, wait, isCut } = one;
    const mustThrow = isCut && wait?.cut === undefined;
    if (!mustThrow && wait !== undefined && !wait.isReady()) return false;
    one.isCut = false;
    one.wait = undefined;
    const step = mustThrow ? fiber.throw(this.cancellation((wait as ModelWait).scope)) : fiber.next();
    if (step.done === true) this.#running.splice(this.#running.indexOf(one), 1);
    else one.wait = step.value;
    return true;
  }

  /** Whoever waits in a cancelled scope and has not got it yet will not get it (rule 6). */
  #interrupt(): void {
    for (const one of this.#running) {
      const { wait, isCut } = one;
      if (wait === undefined || wait.isDeaf === true || isCut || wait.isReady()) continue;
      if (wait.scope.cancelledBy === undefined) continue;
      one.isCut = true;
      wait.cut?.();
    }
  }

  /** Shields notice what is cancelled outside of them, and fall when their grace is over. */
  #look(): void {
    for (const scope of this.scopes) {
      if (!scope.isShield || scope.parent === undefined) continue;
      if (scope.graceFrom === undefined) {
        const hidden = [...scope.parent.visible()].flatMap(({ cancelledAt }) => cancelledAt ?? []);
        if (hidden.length > 0) scope.graceFrom = Math.min(...hidden);
      }
      if (graceEnd(scope) <= this.now) scope.isShield = false;
    }
    this.#interrupt();
  }

  #nextMoment(): number {
    const sleeps = this.#running.map((one) => one.wait?.at ?? Infinity);
    const ends = this.scopes
      .filter((scope) => scope.isOpen)
      .flatMap((scope) => [
        scope.isShield ? graceEnd(scope) : Infinity,
        ...(scope.cancelledAt === undefined ? [scope.deadline, scope.stopAt] : []),
      ]);
    return Math.min(...sleeps, ...ends);
  }

  #fire(): void {
    for (const scope of this.scopes) {
      if (!scope.isOpen || scope.cancelledAt !== undefined) continue;
      if (scope.deadline <= this.now) {
        scope.isExpired = true;
        this.cancel(scope, "deadline passed");
      } else if (scope.stopAt <= this.now) this.cancel(scope, scope.stopReason);
    }
  }
}

function graceEnd(scope: ModelScope): number {
  return (scope.graceFrom ?? Infinity) + scope.graceMs;
}
