/**
 * One function over many items, some at a time.
 *
 * Workers pull from one iterator, each a task that takes item after item, so a long input costs `concurrency` tasks and not one an item.
 *
 * - There are at most `concurrency` workers, and no more than the work has shown to be of use: whoever has got an item and sees room starts
 *   the next worker, one at a time.
 * - Of an async input, at most one worker pulls at a time. Who is done with an item while another pulls ends; that one starts a successor.
 *
 * Rejected: a task for each item (three times the cost where items are short; and as many tasks as items wait at once, unless something
 * else bounds them); pulling by all workers at once (an async iterator need not stand two calls of `next`).
 */
import { type Returned, settled } from "../kernel/body.ts";
import { checkFunction, describe } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { type Context, contextNode, contextOf, contexts, setContext } from "../kernel/context.ts";
import { Cancelled } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { markHandledSoon } from "../kernel/quiet.ts";
import { TaskNode } from "../kernel/task.ts";
import { Crew } from "./crew.ts";
import { checkOptions, isAsyncIterable, isIterable } from "./functions.ts";

/** How many items `map` works on at a time. */
export interface MapOptions {
  /** How many items are worked on at a time, at most: a whole number from 1, or `Infinity`, the default. */
  readonly concurrency?: number;
}

/**
 * Calls `fn(item, index)` for each item and gives the results in the order of the items. By default all at once, as `Promise.all` over
 * a `map` would; with `concurrency` that many at a time.
 *
 * Items are pulled one by one and only when there is room for one more. The first failure, of `fn` or of the input, cancels what is in
 * flight and is rethrown unchanged once that has ended, cleanup included. An input that was not read to its end is told so (`return` of its
 * iterator is called), and that is waited for.
 *
 * Always a checkpoint, before every item. Items that follow each other in one worker run in one task; each begins with the context variables of
 * the caller.
 *
 * @throws TypeError if `items` is not iterable or `fn` is no function.
 * @throws RangeError if `concurrency` is no whole number from 1 and not `Infinity`.
 *
 * @example
 * ```ts
 * const pages = await map(urls, (url) => load(url), { concurrency: 8 });
 * ```
 */
export function map<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  fn: (item: T, index: number) => Returned<R>,
  options: MapOptions = {},
): Promise<R[]> {
  const promise = mapped();
  return promise;

  async function mapped(): Promise<R[]> {
    try {
      checkOptions("map", options, "{ concurrency: 8 }");
      const { concurrency = Infinity } = options;
      checkConcurrency(concurrency);
      checkFunction("map: as its second argument", fn);
      const crew = new MapCrew<T, R>(items, fn, concurrency);
      crew.startWorker();
      await crew.ended();
      await crew.leaveInput();
      return crew.conclusion();
    } catch (error) {
      if (error instanceof Cancelled) markHandledSoon(() => promise);
      throw error;
    }
  }
}

type Input<T> = Iterator<T, unknown> | AsyncIterator<T, unknown>;

class MapCrew<T, R> extends Crew<R[]> {
  readonly fn: (item: T, index: number) => Returned<R>;
  readonly results: R[] = [];
  readonly input: Input<T>;
  readonly isAsync: boolean;
  /** The context variables of the caller, with which each item begins. */
  readonly context: Context = contextOf(contextNode());
  readonly #concurrency: number;
  #workers = 0;
  /** A worker was started and has not pulled yet; of an async input, also: somebody waits for an item. */
  #isPulling = false;
  #isInputOver = false;
  #pulled = 0;

  constructor(items: Iterable<T> | AsyncIterable<T>, fn: (item: T, index: number) => Returned<R>, concurrency: number) {
    const isAsync = isAsyncIterable(items);
    const input = isAsync ? items[Symbol.asyncIterator]() : iteratorOf(items);
    super("map");
    this.input = input;
    this.isAsync = isAsync;
    this.fn = fn;
    this.#concurrency = concurrency;
  }

  startWorker(): void {
    this.#isPulling = true;
    this.#workers++;
    this.loop.start(new Worker(this));
  }

  /** It has been read to its end, or has failed, which ends it, too. */
  inputEnded(): void {
    this.#isInputOver = true;
  }

  /** A worker has got an item, its first or a later one. Gives the index. */
  begin(isFirst: boolean): number {
    if (isFirst || this.isAsync) this.#isPulling = false;
    if (!this.#isPulling && this.#workers < this.#concurrency && !this.isDecided) this.startWorker();
    return this.#pulled++;
  }

  /** A worker is done with its item. Whether it is to pull the next one. */
  end(): boolean {
    if (!this.#isInputOver && !(this.isAsync && this.#isPulling)) {
      if (this.isAsync) this.#isPulling = true;
      return true;
    }
    this.#workers--;
    return false;
  }

  /** Tells an input that was not read to its end. */
  async leaveInput(): Promise<void> {
    if (this.#isInputOver) return;
    try {
      await this.input.return?.();
    } catch (error) {
      if (!(error instanceof Cancelled)) this.failed(error);
    }
  }

  protected succeeded(): void {}

  protected result(): R[] {
    return this.results;
  }
}

class Worker<T, R> extends TaskNode<void> {
  declare private readonly crew: MapCrew<T, R>;

  constructor(crew: MapCrew<T, R>) {
    super(crew, crew.fn.name || "a worker of map");
    this.crew = crew;
  }

  protected override async invoke(): Promise<void> {
    const { crew } = this;
    const { fn, results } = crew;
    let isFirst = true;
    do {
      if (contexts.areInUse) setContext(this, crew.context);
      while (mustDetour(this)) await detour(this, () => DONE);
      let step: IteratorResult<T, unknown>;
      try {
        const next = crew.input.next();
        step = crew.isAsync ? await next : (next as IteratorResult<T, unknown>);
      } catch (error) {
        crew.inputEnded();
        throw error;
      }
      if (step.done === true) {
        crew.inputEnded();
        return;
      }
      const index = crew.begin(isFirst);
      isFirst = false;
      const result = settled(fn(step.value, index));
      results[index] = result instanceof Promise ? await result : result;
    } while (crew.end());
  }
}

function iteratorOf<T>(items: Iterable<T>): Iterator<T, unknown> {
  if (isIterable(items)) return items[Symbol.iterator]();
  throw new TypeError(`map: expected something iterable, got ${describe(items)}`);
}

function checkConcurrency(concurrency: number): void {
  if (concurrency === Infinity || (Number.isInteger(concurrency) && concurrency >= 1)) return;
  throw new RangeError(`map: expected a concurrency of one or more, or Infinity, got ${String(concurrency)}`);
}
