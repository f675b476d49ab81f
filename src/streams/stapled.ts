/**
 * A two-way stream of two that go one way each: the pipes of a child process, both directions of something that has one for each.
 *
 * Where the sending half has no `sendEof`, closing it is what ends its direction. A send of no bytes comes first: by the contract of streams
 * it has all that `sendEof` has to tell (a checkpoint, busy, closed, broken), and sends nothing.
 */

import { disposed } from "../kernel/dispose.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { checkpoint } from "../kernel/sleep.ts";
import type { ByteStream, ReceiveStream, SendStream } from "./byte-stream.ts";
import { checkStream } from "./check-stream.ts";

/**
 * Staples two one-way streams together: what is sent goes to `sender`, what is received comes from `receiver`; closing closes both.
 *
 * `sendEof` is that of `sender`, or closes it if it has none; cancelled while that flushes, what was not flushed is dropped. `trySend` is
 * that of `sender`; without one it always says false.
 */
export function stapled(sender: SendStream, receiver: ReceiveStream): ByteStream {
  checkStream("stapled: sender", sender, "send", "close");
  checkStream("stapled: receiver", receiver, "receive", "close");
  return new StapledStream(sender, receiver);
}

class StapledStream implements ByteStream {
  readonly #sender: SendStream & Partial<ByteStream>;
  readonly #receiver: ReceiveStream;
  #hasClosedSender = false;
  #isClosed = false;

  constructor(sender: SendStream, receiver: ReceiveStream) {
    this.#sender = sender;
    this.#receiver = receiver;
  }

  receive(maxBytes?: number): Promise<Uint8Array | undefined> {
    return this.#receiver.receive(maxBytes);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#receiver[Symbol.asyncIterator]();
  }

  send(bytes: Uint8Array): Promise<void> {
    return this.#sender.send(bytes);
  }

  trySend(bytes: Uint8Array): boolean {
    return this.#sender.trySend?.(bytes) ?? false;
  }

  sendEof(): Promise<void> {
    if (this.#sender.sendEof !== undefined) return this.#sender.sendEof();
    if (this.#hasClosedSender && !this.#isClosed) return checkpoint();
    return quietly(async () => {
      await this.#sender.send(new Uint8Array(0));
      // Closing would go through with it.
      if (currentNode().cancelledBy !== null) await checkpoint();
      this.#hasClosedSender = true;
      await this.#sender.close();
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    // Both now: whoever is blocked in either hears of it at once, and one that cannot be flushed does not keep the other open.
    const closings = [this.#sender.close(), this.#receiver.close()];
    return quietly(async () => {
      for (const closed of await Promise.allSettled(closings)) {
        if (closed.status === "rejected") throw closed.reason;
      }
    });
  }

  abort(): void {
    this.#isClosed = true;
    try {
      this.#sender.abort();
    } finally {
      this.#receiver.abort();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }
}
