/** The books of what tasks meet at: barriers, events, futures. */
import assert from "node:assert/strict";
import { Barrier, currentLoop, Event, Future, InvalidStateError } from "coppice";
import type { Book, Executor, Life } from "../book.ts";
import type { Use } from "../program.ts";
import { Asks, pick, rethrow } from "./asks.ts";

/** Nobody passes alone: in each moment as many of each index pass. */
export class BarrierBook implements Book {
  readonly #parties = 3;
  readonly #barrier = new Barrier(this.#parties);
  /** How many got which index, in this moment. */
  #passed: number[] = [];
  #pending = 0;
  #at = 0;

  async use(step: Use, machine: Executor, life: Life): Promise<void> {
    const passed = await machine.waitAtMost(step.limitMs, async () => {
      this.#pending++;
      try {
        return await this.#barrier.wait();
      } finally {
        this.#pending--;
      }
    });
    if (passed === undefined) return;
    const now = currentLoop().time();
    if (now > this.#at) this.#passed = [];
    this.#at = now;
    this.#passed[passed.value] = (this.#passed[passed.value] ?? 0) + 1;
    machine.note(step, `passes as ${passed.value}`, life);
  }

  check(): void {
    assert.ok(this.#barrier.statistics().waiting < this.#parties);
  }

  checkAtRest(): void {
    assert.equal(this.#barrier.statistics().waiting, this.#pending);
    const [first = 0] = this.#passed;
    if (first > 0 || this.#passed.length > 0)
      assert.deepEqual(this.#passed, new Array(this.#parties).fill(first), "some passed alone");
  }

  async checkAtEnd(): Promise<void> {
    this.checkAtRest();
    assert.equal(this.#pending, 0);
  }
}

/** Whoever waits goes on when it is set, in that moment, and not before. */
export class EventBook implements Book {
  readonly #events = Array.from({ length: 4 }, () => ({ event: new Event(), pending: 0, setAt: Infinity }));

  async use(step: Use, machine: Executor, life: Life): Promise<void> {
    const one = pick(this.#events, step.action);
    if (step.action % 5 === 0) {
      one.event.set();
      one.setAt = Math.min(one.setAt, currentLoop().time());
      return;
    }
    const asked = currentLoop().time();
    const waited = await machine.waitAtMost(step.limitMs, async () => {
      one.pending++;
      try {
        await one.event.wait();
      } finally {
        one.pending--;
      }
    });
    if (waited === undefined) return;
    assert.equal(currentLoop().time(), Math.max(asked, one.setAt), "woken at another moment than that of the set");
    machine.note(step, "is set", life);
  }

  check(): void {}

  checkAtRest(): void {
    for (const { event, pending } of this.#events) if (event.isSet) assert.equal(pending, 0);
  }

  async checkAtEnd(): Promise<void> {
    for (const { pending } of this.#events) assert.equal(pending, 0);
  }
}

interface Promised {
  readonly future: Future<object>;
  readonly asks: Asks;
  outcome: { value: unknown } | { error: unknown } | "cancelled" | undefined;
}

/** One outcome, set once, the same object to all who wait, in the order of asking. */
export class FutureBook implements Book {
  readonly #all: readonly Promised[];

  constructor(isDrawn: boolean) {
    this.#all = Array.from({ length: 4 }, () => ({
      future: new Future(),
      asks: new Asks(isDrawn),
      outcome: undefined,
    }));
  }

  async use(step: Use, machine: Executor, life: Life): Promise<void> {
    const one = pick(this.#all, step.action);
    const { future } = one;
    if (step.action % 5 === 0) {
      const settle = this.#settling(one, step.action % 3);
      if (future.done && step.action % 3 !== 2) assert.throws(settle, InvalidStateError);
      else settle();
      return;
    }
    const got = await one.asks.serve<unknown>(
      machine,
      step.limitMs,
      async () => {
        const value = await future;
        assert.deepEqual(one.outcome, { value });
        return "value";
      },
      (error) => {
        if (!future.done || future.error() !== error) return rethrow(error);
        if (one.outcome !== "cancelled") assert.equal((one.outcome as { error: unknown }).error, error);
        return future.cancelled ? "cancelled" : "error";
      },
    );
    if (got !== undefined) machine.note(step, `sees ${got.value}`, life);
  }

  #settling(one: Promised, how: number): () => void {
    const { future } = one;
    const value = {};
    const error = new Error("of a future");
    return () => {
      if (how === 0) future.setResult(value);
      else if (how === 1) future.setError(error);
      else future.cancel();
      one.outcome ??= how === 0 ? { value } : how === 1 ? { error } : "cancelled";
    };
  }

  check(): void {}

  checkAtRest(): void {
    for (const { future, asks } of this.#all) if (future.done) assert.equal(asks.pending, 0);
  }

  async checkAtEnd(): Promise<void> {
    for (const { future, asks, outcome } of this.#all) {
      assert.equal(asks.pending, 0);
      assert.equal(future.done, outcome !== undefined);
      assert.equal(future.cancelled, outcome === "cancelled");
      // Looked at, so that it is not reported.
      if (future.done) future.error();
    }
  }
}
