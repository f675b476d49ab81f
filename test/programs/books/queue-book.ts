/** The books of a queue: no value is lost or doubled, all come out in their order, and `join` returns when all is done. */
import assert from "node:assert/strict";
import { currentLoop, Queue } from "coppice";
import type { Book, Executor, Life } from "../book.ts";
import type { Use } from "../program.ts";
import { Asks } from "./asks.ts";
import { Values } from "./values.ts";

export class QueueBook implements Book {
  readonly #queue: Queue<number>;
  readonly #values: Values;
  readonly #puts: Asks;
  readonly #gets: Asks;
  readonly #joins: Asks;
  #got = 0;
  #done = 0;
  /** When there was nothing unfinished for the last time. */
  #idleAt = 0;

  constructor(maxSize: number, isDrawn: boolean) {
    this.#queue = new Queue(maxSize);
    this.#values = new Values(isDrawn);
    this.#puts = new Asks(isDrawn);
    this.#gets = new Asks(isDrawn);
    this.#joins = new Asks(isDrawn);
  }

  async use(step: Use, machine: Executor, life: Life): Promise<void> {
    const queue = this.#queue;
    const { limitMs } = step;
    switch (step.action % 10) {
      case 0: {
        const value = this.#values.next();
        if (queue.tryPut(value)) this.#values.accepted(value);
        return;
      }
      case 1: {
        const got = queue.tryGet();
        if (got !== undefined) this.#receive(got.value, step, machine, life, true);
        return;
      }
      case 2:
      case 3: {
        const now = currentLoop().time();
        let wasIdle = false;
        const joined = await this.#joins.serve(machine, limitMs, () => {
          wasIdle = queue.unfinished === 0;
          return queue.join();
        });
        if (joined === undefined) return;
        assert.ok(wasIdle || this.#idleAt >= now, "joined with work left");
        machine.note(step, "joins", life);
        return;
      }
      case 4:
      case 5:
      case 6: {
        const value = this.#values.next();
        const put = await this.#puts.serve(machine, limitMs, () => queue.put(value));
        if (put === undefined) return;
        this.#values.accepted(value);
        machine.note(step, `puts ${value}`, life);
        return;
      }
      default: {
        const got = await this.#gets.serve(machine, limitMs, () => queue.get());
        if (got !== undefined) this.#receive(got.value, step, machine, life);
      }
    }
  }

  #receive(value: number, step: Use, machine: Executor, life: Life, isSeenAtOnce = false): void {
    this.#values.received(value, isSeenAtOnce);
    this.#got++;
    machine.note(step, `gets ${value}`, life);
    if (step.action >= 30) return;
    this.#finish();
  }

  #finish(): void {
    this.#done++;
    this.#queue.taskDone();
    if (this.#queue.unfinished === 0) this.#idleAt = currentLoop().time();
  }

  check(): void {
    const { size, maxSize } = this.#queue;
    assert.ok(size <= maxSize);
    if (this.#done === this.#got) assert.ok(this.#queue.unfinished >= size);
  }

  checkAtRest(): void {
    const { size, unfinished, isFull, isEmpty } = this.#queue;
    assert.equal(size, this.#values.left);
    assert.equal(unfinished, this.#values.count - this.#done);
    if (this.#puts.pending > 0) assert.ok(isFull, "a put waits though there is room");
    if (this.#gets.pending > 0) assert.ok(isEmpty, "a get waits though there is a value");
    if (this.#joins.pending > 0) assert.ok(unfinished > 0, "a join waits though all is done");
  }

  async checkAtEnd(): Promise<void> {
    this.checkAtRest();
    assert.equal(this.#puts.pending + this.#gets.pending + this.#joins.pending, 0);
    const left: number[] = [];
    for (let got = this.#queue.tryGet(); got !== undefined; got = this.#queue.tryGet()) left.push(got.value);
    this.#values.checkAtEnd(left);
    while (this.#done < this.#values.count) this.#finish();
    await this.#queue.join();
  }
}
