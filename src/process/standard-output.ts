/**
 * Standard output and standard error as streams of bytes, with backpressure and with errors that can be caught.
 *
 * They share Node's `process.stdout` and `process.stderr` with everything else that writes there. From the first use on, a reader that goes away
 * (`| head`) no longer ends the process by an uncaught error: it is the next `send` that fails. The descriptor belongs to the process:
 * closing this stream flushes it, ends its use here, and leaves it open.
 */
import type { Writable } from "node:stream";
import { notBytes } from "../kernel/check-bytes.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { disposed } from "../kernel/dispose.ts";
import { BrokenError, BusyError, ClosedError } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { SendStream } from "../streams/byte-stream.ts";

export class StandardOutput implements SendStream {
  readonly #name: string;
  readonly #open: () => Writable;
  #node: Writable | undefined;
  #lost: { readonly cause: Error | undefined } | undefined;
  #isClosed = false;
  #sender: SendWaiter | undefined;
  readonly #closers = new WaitQueue<Waiter<void>>();

  /** `open` is asked for Node's stream at the first use, as Node makes it then; `name` is what messages call it. */
  constructor(name: string, open: () => Writable) {
    this.#name = name;
    this.#open = open;
  }

  send(bytes: Uint8Array): Promise<void> {
    if (!(bytes instanceof Uint8Array)) return Promise.reject(notBytes("send", bytes));
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.send(bytes));
    const output = this.#output;
    if (this.#sender !== undefined) {
      return Promise.reject(new BusyError(`another task is sending to ${this.#name}: give that to one task`));
    }
    if (this.#isClosed) return Promise.reject(this.#closedHere());
    if (this.#lost !== undefined) return Promise.reject(this.#broken());
    if (!output.writableNeedDrain) {
      output.write(bytes);
      return DONE;
    }
    this.#sender = new SendWaiter(scope, this, bytes);
    return this.#sender.promise;
  }

  close(): Promise<void> {
    const scope = currentNode();
    this.abort();
    if (mustDetour(scope)) return detour(scope, () => this.close());
    const output = this.#output;
    if (this.#lost !== undefined || output.writableLength === 0) return DONE;
    const waiter = new Waiter<void>(scope);
    this.#closers.push(waiter);
    output.write("", () => this.#flushed());
    return waiter.promise;
  }

  /** Nothing that was sent is dropped: it is on its way in a stream that others use, too. */
  abort(): void {
    this.#isClosed = true;
    this.#endSender(() => this.#closedHere());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  senderLeft(): void {
    this.#sender = undefined;
  }

  get #output(): Writable {
    if (this.#node !== undefined) return this.#node;
    const output = this.#open();
    this.#node = output;
    output.on("error", (error: Error) => this.#lose(error));
    output.on("close", () => this.#lose(undefined));
    output.on("drain", () => {
      const sender = this.#sender;
      if (sender === undefined) return;
      this.#sender = undefined;
      output.write(sender.bytes);
      sender.wake();
    });
    if (output.destroyed) this.#lose(output.errored ?? undefined);
    return output;
  }

  #lose(cause: Error | undefined): void {
    this.#lost ??= { cause };
    this.#endSender(() => this.#broken());
    this.#flushed();
  }

  #flushed(): void {
    for (let closer = this.#closers.shift(); closer !== undefined; closer = this.#closers.shift()) closer.wake();
  }

  #endSender(make: () => Error): void {
    const sender = this.#sender;
    this.#sender = undefined;
    sender?.fail(make);
  }

  #broken(): BrokenError {
    const cause = this.#lost?.cause;
    const isReaderGone = cause !== undefined && "code" in cause && cause.code === "EPIPE";
    const why = isReaderGone ? "its reader is gone (EPIPE)" : `it cannot be written to (${cause?.message ?? "closed"})`;
    return new BrokenError(`send to ${this.#name}: ${why}`, { cause });
  }

  #closedHere(): ClosedError {
    return new ClosedError(`send to ${this.#name}, which this program has closed`);
  }

  static {
    printsAs(StandardOutput, (output) => ({ name: output.#name }));
  }
}

class SendWaiter extends Waiter<void> {
  readonly bytes: Uint8Array;
  readonly #output: StandardOutput;

  constructor(scope: ScopeNode, output: StandardOutput, bytes: Uint8Array) {
    super(scope);
    this.#output = output;
    this.bytes = bytes;
  }

  protected override abandoned(): void {
    this.#output.senderLeft();
  }
}
