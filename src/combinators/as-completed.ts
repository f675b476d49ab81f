/**
 * The values of several functions in the order in which they come.
 *
 *   not begun --first step--> running --a failure, the last value, the loop was left--> over (the rest cancelled and awaited)
 *
 * The functions start with the first step and belong to the scope of that step, so an iterable that nobody iterates costs nothing.
 * A step is a wait like any other: one that a narrower scope cut short has taken no value, and the iteration goes on.
 *
 * Rejected: an async generator (the promise of its `next` cannot be kept quiet when a cancellation rejects it, and a `return` queues behind a
 * `next` that waits).
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import type { SettledTask } from "../kernel/scope-node.ts";
import { Unobserved } from "../kernel/unobserved.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { Crew } from "./crew.ts";
import { type Fn, functionsOf, type Outcome } from "./functions.ts";

type Step<T> = IteratorResult<T, undefined>;

/**
 * Runs `fns` concurrently and gives their values in the order in which they come, for a `for await` loop. Nothing starts before the loop
 * does, and each loop over the result runs the functions anew.
 *
 * A failure cancels the functions that still run, and is thrown, unchanged, once the values that came before it were taken and all have ended,
 * cleanup included. Leaving the loop early, by `break` or an error, cancels and waits for the rest in the same way, and throws what their cleanup
 * throws. Each step is a checkpoint. With no function, the loop ends at once.
 *
 * @throws TypeError if `fns` is no list of functions.
 *
 * @example
 * ```ts
 * for await (const answer of asCompleted(servers.map((server) => () => ask(server)))) {
 *   if (isGood(answer)) break; // the servers still being asked are cancelled
 * }
 * ```
 */
export function asCompleted<const T extends readonly Fn<unknown>[]>(fns: T): AsyncIterable<Outcome<T[number]>>;
export function asCompleted<T>(fns: Iterable<Fn<T>>): AsyncIterable<T>;
export function asCompleted(fns: Iterable<Fn<unknown>>): AsyncIterable<unknown> {
  const list = functionsOf("asCompleted", fns);
  return { [Symbol.asyncIterator]: () => new Completions(list) };
}

class Completions implements AsyncIterableIterator<unknown, undefined> {
  readonly #fns: readonly Fn<unknown>[];
  #crew: CompletionCrew | undefined;
  #isOver = false;

  constructor(fns: readonly Fn<unknown>[]) {
    this.#fns = fns;
  }

  next(): Promise<Step<unknown>> {
    if (this.#isOver) return Promise.resolve(OVER);
    const scope = currentNode();
    if (this.#crew === undefined) {
      if (mustDetour(scope)) return detour(scope, () => this.next());
      this.#crew = new CompletionCrew(this.#fns);
    }
    const crew = this.#crew;
    const wasCancelled = scope.cancelledBy !== null;
    return quietly(async () => {
      try {
        const step = await crew.nextStep();
        if (step !== OVER) return step;
      } catch (error) {
        if (!crew.isCancelled) throw error;
        await crew.ended();
        // A function was given its value before the cancellation, and has ended with it since.
        const late = wasCancelled ? undefined : crew.takeReady();
        if (late !== undefined) return late;
        await this.#leave(crew);
        throw error;
      }
      return this.#leave(crew);
    });
  }

  return(): Promise<Step<unknown>> {
    const crew = this.#crew;
    if (this.#isOver || crew === undefined) {
      this.#isOver = true;
      return Promise.resolve(OVER);
    }
    return quietly(() => {
      crew.leave();
      return this.#leave(crew);
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Waits until all have ended. @throws what came of them, to the first who asks. */
  async #leave(crew: CompletionCrew): Promise<Step<unknown>> {
    await crew.ended();
    if (this.#isOver) return OVER;
    this.#isOver = true;
    crew.conclusion();
    return OVER;
  }
}

class CompletionCrew extends Crew<void> {
  readonly #ready: Step<unknown>[] = [];
  #taken = 0;
  #left: number;
  readonly #waiters = new WaitQueue<Waiter<Step<unknown>>>();
  #hasLeft = false;
  #unobserved: Unobserved | undefined;

  constructor(fns: readonly Fn<unknown>[]) {
    super("asCompleted");
    this.#left = fns.length;
    this.start(fns);
    if (fns.length === 0) this.childClosed();
  }

  /** Waits for the next value; `OVER` if none will come. Always a checkpoint. */
  nextStep(): Promise<Step<unknown>> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.nextStep());
    const ready = this.takeReady();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#left === 0 || this.isDecided) return Promise.resolve(OVER);
    const waiter = new Waiter<Step<unknown>>(scope);
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  /** The next value that has come, if any. */
  takeReady(): Step<unknown> | undefined {
    const ready = this.#ready[this.#taken];
    if (ready !== undefined) this.#ready[this.#taken++] = OVER;
    return ready;
  }

  /** Nobody wants what is still to come. */
  leave(): void {
    this.#hasLeft = true;
    this.decide("the loop was left", "asCompleted");
  }

  override taskSettled(task: SettledTask): void {
    this.#left--;
    super.taskSettled(task);
    if (this.#left > 0 && !this.isDecided) return;
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) waiter.wake(OVER);
  }

  protected succeeded(task: SettledTask): void {
    if (this.isDecided) return;
    const step = { value: task.outcome, done: false } as const;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#ready.push(step);
    else waiter.wake(step);
  }

  protected override failed(error: unknown): void {
    this.#unobserved ??= new Unobserved(this, "a loop over asCompleted that was abandoned", error, this);
    super.failed(error);
  }

  /** Closes by itself, also where the iteration is abandoned, lest the scope around it wait for it for ever. */
  override childClosed(): void {
    super.childClosed();
    if (this.firstChild === null) this.close();
  }

  protected override get hasResult(): boolean {
    return this.#hasLeft;
  }

  protected result(): void {}

  override conclusion(): void {
    this.#unobserved?.seen();
    super.conclusion();
  }
}

const OVER: { readonly value: undefined; readonly done: true } = { value: undefined, done: true };
