/**
 * A future: an outcome that somebody will set, once, and that any number of tasks can wait for. After asyncio's.
 *
 *   pending --setResult--> done with a value
 *   pending --setError---> done with an error       reported if nobody ever looks at it, unless it is a `Cancelled`
 *   pending --cancel-----> cancelled                waiting for it throws its `Cancelled`, foreign to every waiter
 *
 * Those who wait when it is settled are claimed at once, so that no later cancellation takes the outcome from them (rule 6),
 * and called in a microtask, never inside `setResult` (rule 17).
 *
 * Rejected: a subclass of `Promise` (ten times the cost, and a wait for it cannot be cut short); settling with a promise, to
 * be followed (a future's outcome would then be neither pending nor there).
 */
import { detour, isRefused, mustDetour } from "../kernel/checkpoint.ts";
import { Cancelled, InvalidStateError } from "../kernel/errors.ts";
import { type FutureLike, type Handover, handOver } from "../kernel/future-like.ts";
import { instruments } from "../kernel/instrument.ts";
import { type Callback, type Joinable, thenOf } from "../kernel/joiner.ts";
import { inMicrotask } from "../kernel/microtask.ts";
import {
  claimAll,
  DoneCallback,
  type OutcomeListener,
  type OutcomeListeners,
  runAll,
  withListener,
  withoutListener,
} from "../kernel/outcome-listeners.ts";
import { cancelNode, closeNode } from "../kernel/propagation.ts";
import { currentNode, currentOrigin, Scope } from "../kernel/scope.ts";
import { printsAsText, type ScopeNode } from "../kernel/scope-node.ts";
import { Unobserved } from "../kernel/unobserved.ts";

type State = "pending" | "fulfilled" | "failed" | "cancelled";

/** How a future is called. */
export interface FutureOptions {
  /** What it is called in messages. */
  readonly name?: string;
}

/**
 * An outcome that is set from outside, by `setResult` or `setError`, for tasks to wait for.
 *
 * @example
 * ```ts
 * const answer = new Future<number>();
 * button.onclick = () => answer.setResult(42);
 * console.log(await answer);
 * ```
 */
export interface Future<T> extends FutureLike<T> {
  /**
   * Settles it with `value`, which is kept as it is. (A promise is followed by those who `await`, as JavaScript does; `result()` gives the promise.)
   * @throws InvalidStateError if it is done.
   */
  setResult(value: T): void;
  /**
   * Settles it with an error, which is thrown, unchanged, to those who wait.
   * @throws InvalidStateError if it is done.
   */
  setError(error: unknown): void;
}

class SettableFuture<T> implements Future<T>, Joinable {
  readonly name: string;
  #state: State = "pending";
  /** Until it is done, its listeners; then its value or its error. */
  #content: unknown = null;
  #unobserved: Unobserved | undefined;
  /** How many are being told, or come to ask, after a turn of the event loop: nobody may come in ahead of them. */
  #detours = 0;
  /** While those who waited are about to be told: the callbacks that have come since it was settled, to be called after them. */
  #late: OutcomeListeners | undefined = undefined;

  constructor(options: FutureOptions = {}) {
    this.name = options.name ?? "a future";
    instruments.debug?.made(this);
  }

  get done(): boolean {
    return this.#state !== "pending";
  }

  get cancelled(): boolean {
    return this.#state === "cancelled";
  }

  setResult(value: T): void {
    this.#settle("setResult", "fulfilled", value);
  }

  setError(error: unknown): void {
    this.#settle("setError", "failed", error);
  }

  cancel(reason?: unknown): void {
    if (this.done) return;
    const scope = new Scope(null, currentNode().loop, this.name);
    cancelNode(scope, reason, currentOrigin());
    closeNode(scope);
    this.#settle("cancel", "cancelled", scope.cancellation());
  }

  result(): T {
    this.#mustBeDone("result");
    if (this.#state !== "fulfilled") throw this.#content;
    return this.#content as T;
  }

  error(): unknown {
    this.#mustBeDone("error");
    return this.#state === "fulfilled" ? undefined : this.#content;
  }

  addDoneCallback(callback: (future: this) => void): void {
    const listener = new DoneCallback(() => callback(this));
    if (!this.done) this.addListener(listener);
    else if (this.#late === undefined) listener.run();
    else this.#late = withListener(this.#late, listener);
  }

  // biome-ignore lint/suspicious/noThenProperty: a future is awaited like a promise, and cancellably.
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    return thenOf(this, onFulfilled as Callback, onRejected as Callback) as PromiseLike<A | B>;
  }

  [Symbol.iterator](): Handover<T> {
    return handOver(this);
  }

  addListener(listener: OutcomeListener): void {
    this.#content = withListener(this.#content as OutcomeListeners, listener);
  }

  forget(listener: OutcomeListener): void {
    this.#content = withoutListener(this.#content as OutcomeListeners, listener);
  }

  joined(): Promise<T> {
    if (!this.done) return new Promise<T>((resolve, reject) => this.then(resolve, reject));
    this.#observe();
    return this.#state === "fulfilled" ? Promise.resolve(this.#content as T) : Promise.reject(this.#content);
  }

  /** While it is pending, those who come are called in their order whatever happens, and the loop gets its turn before that (`#tell`). */
  mustDetour(scope: ScopeNode): boolean {
    return this.done ? this.#detours > 0 || mustDetour(scope) : isRefused(scope);
  }

  joinedByDetour(scope: ScopeNode): Promise<T> {
    if (scope.cancelledBy === null) this.#detours++;
    return detour(scope, () => {
      this.#detours--;
      return this.joined();
    });
  }

  #settle(what: string, state: State, outcome: unknown): void {
    if (this.done)
      throw new InvalidStateError(
        `${what} of ${this.name}, which is settled already (${this.#state}): a future is settled once`,
      );
    const listeners = this.#content as OutcomeListeners;
    this.#state = state;
    this.#content = outcome;
    const isSeen = claimAll(listeners);
    const isFailure = state === "failed" && !(outcome instanceof Cancelled);
    if (isFailure && !isSeen) this.#unobserved = new Unobserved(this, this.name, outcome, currentNode());
    if (listeners !== null) this.#tell(listeners);
  }

  #tell(listeners: OutcomeListeners): void {
    const { loop } = currentNode();
    const hasFailed = this.#state !== "fulfilled";
    this.#late = null;
    const tell = (): void => {
      runAll(listeners, hasFailed, this.#content);
      if (this.#late) runAll(this.#late, hasFailed, this.#content);
      this.#late = undefined;
    };
    if (--loop.budget >= 0 || !loop.refill()) {
      inMicrotask(tell);
      return;
    }
    this.#detours++;
    void loop.breathe().then(() => {
      this.#detours--;
      tell();
    });
  }

  toString(): string {
    return `<future "${this.name}": ${this.#state}>`;
  }

  static {
    printsAsText(SettableFuture);
  }

  #observe(): void {
    this.#unobserved?.seen();
    this.#unobserved = undefined;
  }

  #mustBeDone(what: string): void {
    if (!this.done) throw new InvalidStateError(`${what}() of ${this.name}, which is pending: await it first`);
    this.#observe();
  }
}

/** Makes a future that is pending. It may be subclassed. */
export const Future: new <T>(options?: FutureOptions) => Future<T> = SettableFuture;
