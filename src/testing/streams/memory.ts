/**
 * One-way streams in memory whose every step a test can get its hands on: make it wait, make it fail, let bytes come in drops.
 *
 * Invariant: hooks change when something happens and whether, never what holds of streams. While a hook waits its call counts as under way,
 * so a second one is busy, a close gives it `ClosedError`, and a cancellation leaves no trace.
 */
import { callBody, type Returned } from "../../kernel/body.ts";
import type { CancelScope } from "../../kernel/cancel-scope.ts";
import { disposed } from "../../kernel/dispose.ts";
import { BusyError } from "../../kernel/errors.ts";
import { quietly } from "../../kernel/quiet.ts";
import { cancelScope } from "../../kernel/scopes.ts";
import { checkpoint } from "../../kernel/sleep.ts";
import type { Closable, ReceiveStream, SendStream } from "../../streams/byte-stream.ts";
import { pipe } from "./pipe.ts";

/** What is called, and waited for, at each step of a memory stream. */
export interface MemoryStreamHooks {
  /** Before each send: a sender stalls for as long as what this returns takes. What it throws, `send` throws, and nothing was sent. */
  readonly beforeSend?: (bytes: Uint8Array) => Returned<unknown>;
  /** Before each receive: a receiver stalls for as long as what this returns takes. What it throws, `receive` throws, and nothing was taken. */
  readonly beforeReceive?: (maxBytes: number | undefined) => Returned<unknown>;
  /** The most that one receive gives, in bytes, or what tells it each time: bytes that come in drops. */
  readonly trickleBytes?: number | (() => number);
  /** Once, when the sending end is closed or aborted. */
  readonly onSenderClosed?: () => void;
  /** Once, when the receiving end is closed or aborted. */
  readonly onReceiverClosed?: () => void;
}

/**
 * Makes two connected ends in memory, of which one sends and one receives. A send never waits for the receiver. `hooks` make
 * it stall, trickle or fail. To make a two-way stream of two such pairs, staple them (`stapled` in `coppice/net`).
 *
 * @example
 * ```ts
 * const mayReceive = new Event();
 * const [sender, receiver] = memoryOneWayPair({ beforeReceive: () => mayReceive.wait(), trickleBytes: 1 });
 * ```
 *
 * @throws RangeError if `trickleBytes` is no whole number of at least 1.
 */
export function memoryOneWayPair(hooks: MemoryStreamHooks = {}): [SendStream, ReceiveStream] {
  const { trickleBytes } = hooks;
  if (typeof trickleBytes === "number" && !(Number.isInteger(trickleBytes) && trickleBytes >= 1)) {
    throw new RangeError(`trickleBytes: expected a whole number of at least 1, got ${trickleBytes}`);
  }
  const [sender, receiver] = pipe({ isLockstep: false });
  return [new HookedSender(sender, hooks), new HookedReceiver(receiver, hooks)];
}

/** One direction's calls, of which one may be under way. */
abstract class Hooked<S extends Closable> implements Closable {
  protected readonly inner: S;
  readonly #doing: string;
  readonly #onClosed: (() => void) | undefined;
  #isClosed = false;
  #isBusy = false;
  #stalled: CancelScope | undefined;

  constructor(inner: S, doing: string, onClosed: (() => void) | undefined) {
    this.inner = inner;
    this.#doing = doing;
    this.#onClosed = onClosed;
  }

  close(): Promise<void> {
    const closing = this.inner.close();
    this.#closeHere();
    return closing;
  }

  abort(): void {
    this.inner.abort();
    this.#closeHere();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  /** Calls `hook`, and then `call`. */
  protected pass<A, T>(hook: (argument: A) => Returned<unknown>, argument: A, call: () => Promise<T>): Promise<T> {
    return quietly(async () => {
      await checkpoint();
      if (this.#isClosed) return await call();
      if (this.#isBusy)
        throw new BusyError(`another task is ${this.#doing} this stream: give one task the ${this.#doing}`);
      this.#isBusy = true;
      try {
        await cancelScope(async (scope) => {
          this.#stalled = scope;
          await callBody(hook, argument);
        });
        return await call();
      } finally {
        this.#isBusy = false;
        this.#stalled = undefined;
      }
    });
  }

  #closeHere(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stalled?.cancel("the stream was closed");
    this.#onClosed?.();
  }
}

class HookedSender extends Hooked<SendStream> implements SendStream {
  readonly #beforeSend: MemoryStreamHooks["beforeSend"];

  constructor(inner: SendStream, { beforeSend, onSenderClosed }: MemoryStreamHooks) {
    super(inner, "sending to", onSenderClosed);
    this.#beforeSend = beforeSend;
  }

  send(bytes: Uint8Array): Promise<void> {
    if (this.#beforeSend === undefined) return this.inner.send(bytes);
    return this.pass(this.#beforeSend, bytes, () => this.inner.send(bytes));
  }
}

class HookedReceiver extends Hooked<ReceiveStream> implements ReceiveStream {
  readonly #beforeReceive: MemoryStreamHooks["beforeReceive"];
  readonly #trickleBytes: () => number;

  constructor(inner: ReceiveStream, { beforeReceive, onReceiverClosed, trickleBytes = Infinity }: MemoryStreamHooks) {
    super(inner, "receiving from", onReceiverClosed);
    this.#beforeReceive = beforeReceive;
    this.#trickleBytes = typeof trickleBytes === "number" ? () => trickleBytes : trickleBytes;
  }

  receive(maxBytes?: number): Promise<Uint8Array | undefined> {
    if (maxBytes !== undefined && !(Number.isInteger(maxBytes) && maxBytes >= 1)) return this.inner.receive(maxBytes);
    if (this.#beforeReceive === undefined) return this.#receiveSome(maxBytes);
    return this.pass(this.#beforeReceive, maxBytes, () => this.#receiveSome(maxBytes));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (let chunk = await this.receive(); chunk !== undefined; chunk = await this.receive()) yield chunk;
  }

  #receiveSome(maxBytes: number | undefined): Promise<Uint8Array | undefined> {
    const most = this.#trickleBytes();
    if (maxBytes === undefined && most === Infinity) return this.inner.receive();
    return this.inner.receive(Math.min(maxBytes ?? Infinity, most));
  }
}
