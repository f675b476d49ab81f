/** The two ends of a pipe, as streams. */
import { detour, mustDetour } from "../../kernel/checkpoint.ts";
import { disposed } from "../../kernel/dispose.ts";
import { BusyError, ClosedError } from "../../kernel/errors.ts";
import { DONE } from "../../kernel/microtask.ts";
import { currentNode } from "../../kernel/scope.ts";
import type { ReceiveStream, SendStream } from "../../streams/byte-stream.ts";
import { PipeState, ReceiveWaiter, receiverGone, SendWaiter, senderFailed } from "./pipe-state.ts";

/** Makes the two ends of a pipe. */
export function pipe({ isLockstep }: { isLockstep: boolean }): [SendStream, ReceiveStream] {
  const shared = new PipeState(isLockstep);
  return [new SendingEnd(shared), new ReceivingEnd(shared)];
}

class SendingEnd implements SendStream {
  readonly #pipe: PipeState;

  constructor(shared: PipeState) {
    this.#pipe = shared;
  }

  send(bytes: Uint8Array): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.send(bytes));
    const { chunks, isLockstep, isReceiverGone, sender, waitingSender } = this.#pipe;
    if (waitingSender !== undefined) {
      return Promise.reject(new BusyError("another task is sending to this stream: give one task the sending"));
    }
    if (sender !== "open") return Promise.reject(closedHere("send to"));
    if (isReceiverGone) return Promise.reject(receiverGone());
    if (bytes.length === 0) return DONE;
    const waiter = isLockstep ? new SendWaiter(scope, this.#pipe, bytes) : undefined;
    this.#pipe.waitingSender = waiter;
    chunks.push(bytes);
    this.#pipe.flow();
    return waiter?.promise ?? DONE;
  }

  close(): Promise<void> {
    this.#end("ended");
    return closed();
  }

  abort(): void {
    this.#end("failed");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  #end(how: "ended" | "failed"): void {
    if (this.#pipe.sender !== "open") return;
    this.#pipe.sender = how;
    this.#pipe.failSender(() => closedHere("send to"));
    if (how === "failed") this.#pipe.chunks.length = 0;
    this.#pipe.flow();
  }
}

class ReceivingEnd implements ReceiveStream {
  readonly #pipe: PipeState;

  constructor(shared: PipeState) {
    this.#pipe = shared;
  }

  receive(maxBytes?: number): Promise<Uint8Array | undefined> {
    if (maxBytes !== undefined && !(Number.isInteger(maxBytes) && maxBytes >= 1)) {
      return Promise.reject(new RangeError(`receive: expected maxBytes of at least 1, got ${maxBytes}`));
    }
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.receive(maxBytes));
    const { chunks, isReceiverGone, sender, waitingReceiver } = this.#pipe;
    if (waitingReceiver !== undefined) {
      return Promise.reject(new BusyError("another task is receiving from this stream: give one task the receiving"));
    }
    if (isReceiverGone) return Promise.reject(closedHere("receive from"));
    if (chunks.length > 0) return Promise.resolve(this.#pipe.take(maxBytes));
    if (sender === "ended") return Promise.resolve(undefined);
    if (sender === "failed") return Promise.reject(senderFailed());
    const waiter = new ReceiveWaiter(scope, this.#pipe, maxBytes);
    this.#pipe.waitingReceiver = waiter;
    return waiter.promise;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (let chunk = await this.receive(); chunk !== undefined; chunk = await this.receive()) yield chunk;
  }

  close(): Promise<void> {
    this.abort();
    return closed();
  }

  abort(): void {
    if (this.#pipe.isReceiverGone) return;
    this.#pipe.isReceiverGone = true;
    const waiter = this.#pipe.waitingReceiver;
    this.#pipe.waitingReceiver = undefined;
    waiter?.fail(() => closedHere("receive from"));
    this.#pipe.failSender(receiverGone);
    this.#pipe.chunks.length = 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }
}

/** A close has nothing to wait for, and is a checkpoint all the same. */
function closed(): Promise<void> {
  const scope = currentNode();
  return mustDetour(scope) ? detour(scope, () => DONE) : DONE;
}

function closedHere(doing: string): ClosedError {
  return new ClosedError(`${doing} a stream that this side has closed`);
}
