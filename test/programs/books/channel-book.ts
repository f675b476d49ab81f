/**
 * The books of a channel whose halves are cloned and closed: no value is lost or doubled, all come out in the order in which the
 * sending began, and whoever is refused is told the right reason.
 */
import assert from "node:assert/strict";
import {
  BrokenError,
  type ChannelOptions,
  ClosedError,
  channel,
  EndOfChannel,
  isCancelled,
  type Receiver,
  type Sender,
} from "coppice";
import type { Book, Executor, Life } from "../book.ts";
import type { Use } from "../program.ts";
import { Asks, pick, rethrow } from "./asks.ts";
import { Values } from "./values.ts";

interface Half<H extends { close(): void }> {
  readonly half: H;
  isClosed: boolean;
}

export class ChannelBook implements Book {
  readonly #values: Values;
  readonly #sends: Asks;
  readonly #receives: Asks;
  readonly #senders: Half<Sender<number>>[];
  readonly #receivers: Half<Receiver<number>>[];
  readonly #drops: boolean;
  /** Never closed by the program, and open only for looking. */
  readonly #first: Sender<number>;
  #isAborted = false;

  constructor(capacity: number, overflow: NonNullable<ChannelOptions<number>["overflow"]>, isDrawn: boolean) {
    this.#values = new Values(isDrawn);
    this.#sends = new Asks(isDrawn);
    this.#receives = new Asks(isDrawn);
    this.#drops = overflow !== "suspend";
    const [sender, receiver] = channel<number>(capacity, {
      overflow,
      onUndelivered: (value) => this.#values.dropped(value),
    });
    this.#first = sender;
    this.#senders = [sender, sender.clone()].map((half) => ({ half, isClosed: false }));
    this.#receivers = [receiver, receiver.clone()].map((half) => ({ half, isClosed: false }));
  }

  async use(step: Use, machine: Executor, life: Life): Promise<void> {
    const { action, limitMs } = step;
    const sender = pick(this.#senders, action);
    const receiver = pick(this.#receivers, action);
    if (action < 20) {
      const value = this.#values.next();
      const sent = await this.#sends.serve(
        machine,
        limitMs,
        async () => {
          await sender.half.send(value);
          return true;
        },
        (error) => this.#refusedSend(sender, error),
      );
      if (sent?.value !== true) return;
      this.#values.accepted(value);
      machine.note(step, `sends ${value}`, life);
    } else if (action < 38) {
      const got = await this.#receives.serve<number | undefined>(
        machine,
        limitMs,
        () => receiver.half.receive(),
        (error) => this.#refusedReceive(receiver, error),
      );
      if (got?.value !== undefined) this.#receive(got.value, step, machine, life);
    } else if (action < 42) {
      const value = this.#values.next();
      try {
        if (sender.half.trySend(value)) this.#values.accepted(value);
      } catch (error) {
        this.#refusedSend(sender, error);
      }
    } else if (action < 46) {
      try {
        const got = receiver.half.tryReceive();
        if (got !== undefined) this.#receive(got.value, step, machine, life, true);
      } catch (error) {
        this.#refusedReceive(receiver, error);
      }
    } else if (action < 49) {
      if (!sender.isClosed) this.#senders.push({ half: sender.half.clone(), isClosed: false });
    } else if (action < 52) {
      if (!receiver.isClosed) this.#receivers.push({ half: receiver.half.clone(), isClosed: false });
    } else if (action < 54) close(sender);
    else if (action < 56) close(receiver);
    else if (action === 56) this.#senders.forEach(close);
    else if (action === 57) this.#receivers.forEach(close);
    else if (action === 58) {
      if (!sender.isClosed) this.#isAborted = true;
      sender.half.abort();
      close(sender);
    }
  }

  #receive(value: number, step: Use, machine: Executor, life: Life, isSeenAtOnce = false): void {
    this.#values.received(value, isSeenAtOnce);
    machine.note(step, `receives ${value}`, life);
  }

  #refusedSend(sender: Half<Sender<number>>, error: unknown): false {
    if (isCancelled(error)) return rethrow(error);
    if (error instanceof ClosedError) assert.ok(sender.isClosed, "told of a close that was not");
    else if (error instanceof BrokenError) assert.equal(this.#open(this.#receivers), 0);
    else throw error;
    return false;
  }

  #refusedReceive(receiver: Half<Receiver<number>>, error: unknown): undefined {
    if (isCancelled(error)) return rethrow(error);
    if (error instanceof ClosedError) {
      assert.ok(receiver.isClosed, "told of a close that was not");
      return;
    }
    assert.equal(this.#open(this.#senders), 0, "the end came before the end");
    if (error instanceof BrokenError) assert.ok(this.#isAborted);
    else assert.ok(error instanceof EndOfChannel && !this.#isAborted);
  }

  #open(halves: readonly { isClosed: boolean }[]): number {
    return halves.filter((one) => !one.isClosed).length;
  }

  check(): void {
    const { buffered, capacity, waitingSenders, waitingReceivers } = this.#first.statistics();
    assert.ok(buffered <= capacity);
    if (waitingReceivers > 0) assert.ok(buffered === 0 && waitingSenders === 0, "a receiver waits though it need not");
    if (waitingSenders > 0) assert.ok(buffered === capacity && !this.#drops, "a sender waits though it need not");
  }

  checkAtRest(): void {
    const { capacity, ...rest } = this.#first.statistics();
    assert.deepEqual(rest, {
      buffered: this.#values.left,
      waitingSenders: this.#sends.pending,
      waitingReceivers: this.#receives.pending,
      openSenders: this.#open(this.#senders),
      openReceivers: this.#open(this.#receivers),
    });
  }

  async checkAtEnd(): Promise<void> {
    this.checkAtRest();
    assert.equal(this.#sends.pending + this.#receives.pending, 0);
    const left: number[] = [];
    const open = this.#receivers.find((receiver) => !receiver.isClosed);
    for (const { half } of this.#senders) half.close();
    for (;;) {
      if (open === undefined) break;
      try {
        left.push((open.half.tryReceive() as { value: number }).value);
      } catch {
        break;
      }
    }
    this.#values.checkAtEnd(left);
  }
}

function close(one: Half<{ close(): void }>): void {
  one.isClosed = true;
  one.half.close();
}
