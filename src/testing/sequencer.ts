/**
 * Places in several tasks that must be passed in a given order, so that a test can tell one interleaving from all the others. After Trio's.
 *
 *   position n: new --reach--> waiting --all before it are over--> its turn --disposed--> over
 *
 * Invariant: positions have their turn one after the other, from 0 on, each exactly once. Whoever gives up waiting for its turn leaves a gap
 * that nobody can fill, so everybody else hears of it at once rather than waiting for ever.
 */
import { type Returned, settled } from "../kernel/body.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { BrokenError, InvalidStateError } from "../kernel/errors.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { Waiter } from "../kernel/waiter.ts";

/**
 * Makes tasks pass numbered places in order: 0, then 1, and so on.
 *
 * @example
 * ```ts
 * const sequencer = new Sequencer();
 * await taskGroup((group) => {
 *   group.spawn(() => sequencer.at(1, () => cache.read()));
 *   group.spawn(async () => {
 *     await sequencer.at(0, () => cache.fill());
 *     await sequencer.at(2, () => cache.clear());
 *   });
 * });
 * ```
 */
export class Sequencer {
  /** The first position that is not over. */
  #next = 0;
  readonly #used = new Set<number>();
  readonly #waiting = new Map<number, TurnWaiter>();
  #isBroken = false;

  /**
   * Waits for the turn of `position`, calls `fn`, and passes the turn on when what it returned has settled, also when it failed.
   * Cancelling the wait breaks the sequencer for everyone. Always a checkpoint.
   *
   * @throws InvalidStateError if the position was used before.
   * @throws BrokenError if somebody gave up waiting for a turn.
   * @throws RangeError if `position` is no whole number from 0 on.
   */
  at<T>(position: number, fn: () => Returned<T>): Promise<T> {
    return quietly(async () => {
      const turn = await this.reach(position);
      try {
        return await settled(fn());
      } finally {
        turn[Symbol.dispose]();
      }
    });
  }

  /**
   * As `at`, for what is no function of its own: the turn lasts until the result is disposed of (`using _ = await sequencer.reach(1)`).
   */
  reach(position: number): Promise<Disposable> {
    const invalid = this.#refusal(position);
    if (invalid !== undefined) return Promise.reject(invalid);
    this.#used.add(position);
    return this.#wait(position);
  }

  #refusal(position: number): Error | undefined {
    if (!Number.isSafeInteger(position) || position < 0) {
      return new RangeError(`position: expected a whole number from 0 on, got ${position}`);
    }
    if (!this.#used.has(position)) return undefined;
    return new InvalidStateError(
      `position ${position} of a sequencer was used twice: each place has a number of its own`,
    );
  }

  #wait(position: number): Promise<Disposable> {
    const scope = currentNode();
    if (mustDetour(scope)) {
      if (scope.cancelledBy !== null) this.break(position);
      return detour(scope, () => this.#wait(position));
    }
    if (this.#isBroken) return Promise.reject(this.#broken());
    if (position === this.#next) return Promise.resolve(this.#turn(position));
    const waiter = new TurnWaiter(scope, this, position);
    this.#waiting.set(position, waiter);
    return waiter.promise;
  }

  /** The wait for `position` was cut short. */
  break(position: number): void {
    this.#waiting.delete(position);
    this.#isBroken = true;
    for (const waiter of this.#waiting.values()) waiter.fail(() => this.#broken());
    this.#waiting.clear();
  }

  #turn(position: number): Disposable {
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        this.#next = position + 1;
        const waiter = this.#waiting.get(this.#next);
        this.#waiting.delete(this.#next);
        waiter?.wake(this.#turn(this.#next));
      },
    };
  }

  #broken(): BrokenError {
    return new BrokenError(
      "the sequencer is broken: a task that waited for its turn was cancelled, so what comes after has none",
    );
  }
}

class TurnWaiter extends Waiter<Disposable> {
  readonly #sequencer: Sequencer;
  readonly #position: number;

  constructor(scope: ConstructorParameters<typeof Waiter>[0], sequencer: Sequencer, position: number) {
    super(scope);
    this.#sequencer = sequencer;
    this.#position = position;
  }

  protected override abandoned(): void {
    this.#sequencer.break(this.#position);
  }
}
