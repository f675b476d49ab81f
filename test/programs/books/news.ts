/** The books of broadcasts and watches: each subscriber sees all, in order, but for what it is told it missed; each watcher only what it has not seen. */
import assert from "node:assert/strict";
import { broadcast, LaggedError, watch } from "coppice";
import type { Book, Executor, Life } from "../book.ts";
import type { Use } from "../program.ts";
import { Asks, InOrder, pick, rethrow } from "./asks.ts";

export class BroadcastBook implements Book {
  readonly #sender;
  readonly #subscribers;
  #sent = 0;

  constructor(isDrawn: boolean) {
    const [sender, source] = broadcast<number>(2);
    this.#sender = sender;
    this.#subscribers = Array.from({ length: 2 }, () => ({
      subscription: source.subscribe(),
      asks: new Asks(isDrawn),
      order: new InOrder(isDrawn),
      seen: new Set<number>(),
      missed: 0,
    }));
  }

  async use(step: Use, machine: Executor, life: Life): Promise<void> {
    if (step.action % 2 === 0) {
      this.#sender.send(++this.#sent);
      return;
    }
    const one = pick(this.#subscribers, step.action >> 1);
    const got = await one.asks.serve<number | undefined>(
      machine,
      step.limitMs,
      () => one.subscription.receive(),
      (error) => {
        if (!(error instanceof LaggedError)) return rethrow(error);
        one.missed += error.count;
        return undefined;
      },
    );
    if (got?.value === undefined) return;
    one.order.served(got.value);
    assert.ok(!one.seen.has(got.value));
    one.seen.add(got.value);
    machine.note(step, `hears ${got.value}`, life);
  }

  check(): void {}

  checkAtRest(): void {
    for (const { asks, seen, missed } of this.#subscribers)
      if (asks.pending > 0) assert.equal(seen.size + missed, this.#sent, "a subscriber waits though it need not");
  }

  async checkAtEnd(): Promise<void> {
    this.checkAtRest();
    for (const { asks, seen, missed, subscription } of this.#subscribers) {
      assert.equal(asks.pending, 0);
      let found = seen.size + missed;
      for (;;) {
        try {
          const got = subscription.tryReceive();
          if (got === undefined) break;
          found++;
        } catch (error) {
          assert.ok(error instanceof LaggedError);
          found += error.count;
        }
      }
      assert.equal(found, this.#sent, "values of a broadcast were lost, or heard twice");
    }
  }
}

export class WatchBook implements Book {
  readonly #sender;
  readonly #watchers;
  #sent = 0;

  constructor() {
    const [sender, receiver] = watch(0);
    this.#sender = sender;
    this.#watchers = [receiver, receiver.clone()].map((half) => ({ half, pending: 0, seen: 0 }));
  }

  async use(step: Use, machine: Executor, life: Life): Promise<void> {
    if (step.action % 2 === 0) {
      this.#sender.send(++this.#sent);
      return;
    }
    const one = pick(this.#watchers, step.action >> 1);
    const got = await machine.waitAtMost(step.limitMs, async () => {
      const { seen } = one;
      one.pending++;
      try {
        const value = await one.half.changed();
        assert.ok(value > seen, "an old value was called new");
        one.seen = Math.max(one.seen, value);
        return value;
      } finally {
        one.pending--;
      }
    });
    if (got !== undefined) machine.note(step, `sees ${got.value}`, life);
  }

  check(): void {
    assert.equal(this.#sender.value, this.#sent);
  }

  checkAtRest(): void {
    for (const { half, pending, seen } of this.#watchers) {
      assert.equal(
        half.hasChanged,
        seen < this.#sent,
        "a cancelled wait has marked a value as seen, or a mark was lost",
      );
      if (pending > 0) assert.equal(seen, this.#sent, "a watcher waits though it need not");
    }
  }

  async checkAtEnd(): Promise<void> {
    this.checkAtRest();
    for (const { pending } of this.#watchers) assert.equal(pending, 0);
  }
}
