/**
 * One direction of bytes in memory, at its two extremes: one that takes everything at once, and one in lockstep, that holds nothing back, so that
 * a send waits until all of it was received.
 *
 *   sender      open --close--> ended (the receiver gets what was sent, then end-of-file)
 *               open --abort--> failed (what was not received is dropped, the receiver gets BrokenError)
 *   receiver    open --close or abort--> gone (the sender gets BrokenError)
 *
 * In lockstep a send is withdrawn when it is cancelled before any of it was received; from then on it cannot be, so a cancellation lets it
 * return, and the rest stays for the receiver: all or nothing.
 */
import { BrokenError } from "../../kernel/errors.ts";
import type { ScopeNode } from "../../kernel/scope-node.ts";
import { Waiter } from "../../kernel/waiter.ts";

/** What both ends know. */
export class PipeState {
  readonly isLockstep: boolean;
  readonly chunks: Uint8Array[] = [];
  sender: "open" | "ended" | "failed" = "open";
  isReceiverGone = false;
  waitingSender: SendWaiter | undefined;
  waitingReceiver: ReceiveWaiter | undefined;

  constructor(isLockstep: boolean) {
    this.isLockstep = isLockstep;
  }

  /** Gives what there is to a receiver that waits. */
  flow(): void {
    const waiter = this.waitingReceiver;
    if (waiter === undefined) return;
    if (this.chunks.length === 0 && this.sender === "open") return;
    this.waitingReceiver = undefined;
    if (this.chunks.length > 0) waiter.wake(this.take(waiter.maxBytes));
    else if (this.sender === "ended") waiter.wake(undefined);
    else waiter.fail(senderFailed);
  }

  take(maxBytes: number = Infinity): Uint8Array {
    const first = this.chunks[0] as Uint8Array;
    if (first.length > maxBytes) this.chunks[0] = first.subarray(maxBytes);
    else this.chunks.shift();
    if (this.chunks.length === 0) {
      this.waitingSender?.wake();
      this.waitingSender = undefined;
    }
    // The sender may hold on to what it sent.
    return new Uint8Array(first.subarray(0, maxBytes));
  }

  /** Takes back what a send that waits has put in. False if the receiver has had some of it. */
  withdraw({ bytes }: SendWaiter): boolean {
    if (this.chunks.at(-1) !== bytes) return false;
    this.chunks.pop();
    return true;
  }

  failSender(make: () => Error): void {
    const waiter = this.waitingSender;
    this.waitingSender = undefined;
    if (waiter === undefined) return;
    this.withdraw(waiter);
    waiter.fail(make);
  }
}

export class SendWaiter extends Waiter<void> {
  readonly bytes: Uint8Array;
  readonly #pipe: PipeState;

  constructor(scope: ScopeNode, shared: PipeState, bytes: Uint8Array) {
    super(scope);
    this.#pipe = shared;
    this.bytes = bytes;
  }

  override interrupt(): (() => void) | undefined {
    this.#pipe.waitingSender = undefined;
    if (this.#pipe.withdraw(this)) return super.interrupt();
    this.wake();
    return undefined;
  }
}

export class ReceiveWaiter extends Waiter<Uint8Array | undefined> {
  readonly maxBytes: number | undefined;
  readonly #pipe: PipeState;

  constructor(scope: ScopeNode, shared: PipeState, maxBytes: number | undefined) {
    super(scope);
    this.#pipe = shared;
    this.maxBytes = maxBytes;
  }

  protected override abandoned(): void {
    this.#pipe.waitingReceiver = undefined;
  }
}

export function receiverGone(): BrokenError {
  return new BrokenError("send: the receiving end was closed");
}

export function senderFailed(): BrokenError {
  return new BrokenError("receive: the sending end was aborted");
}
