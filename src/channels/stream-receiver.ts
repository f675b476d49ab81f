/**
 * Receiving from a stream of another kind, whatever kind that is: waits that can be cancelled over a source that cannot be asked back.
 *
 * A chunk is asked for when somebody waits for one, and one at a time, so the stream's own backpressure stays in force. Where the wait is
 * cancelled the question stands, and its answer is kept for the next `receive`: nothing is lost (rule 6), and at most one chunk is held.
 *
 *   open --the stream ends or fails--> over --close--> closed       what is over has let go of the stream
 *   open --close-------------------------------------> closed       the stream is cancelled
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { disposed } from "../kernel/dispose.ts";
import { ClosedError, EndOfChannel } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { currentNode } from "../kernel/scope.ts";
import { until } from "../kernel/until.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { failAll } from "./fail-all.ts";
import { ReceiveIterator } from "./receive-iterator.ts";

/** A web stream or a Node stream, to be received from. Iterating ends at the end of the stream; leaving the loop closes nothing. */
export interface StreamReceiver<T> extends AsyncIterable<T, undefined>, AsyncDisposable {
  /**
   * Waits for the next chunk. Always a checkpoint. Atomic under cancellation: a chunk is never lost.
   *
   * @throws EndOfChannel if the stream has ended.
   * @throws ClosedError if this receiver is closed.
   * @throws whatever the stream failed with, unchanged; BrokenError if a Node stream was destroyed before its end.
   */
  receive(): Promise<T>;
  /**
   * Closes, even when cancelled: a web stream is cancelled and unlocked, a Node stream destroyed, and those blocked in this receiver get
   * `ClosedError`. Then waits until the stream's own cleanup is done. Idempotent. A stream that is over is left as it is.
   *
   * @throws whatever the stream failed with, if no `receive` has thrown it; or what its cleanup failed with.
   */
  close(reason?: unknown): Promise<void>;
}

/** A stream as one of its readers. */
export interface Inflow<T> {
  /** The next chunk, or the end. Not called again before it has settled. */
  pull(): Promise<IteratorResult<T, unknown>>;
  /** Lets go of a stream that is over. */
  release(): void;
  /** Stops the stream and lets go of it. A `pull` under way settles, in whatever way. */
  cancel(reason: unknown): Promise<void>;
}

export class InflowReceiver<T> implements StreamReceiver<T> {
  readonly #inflow: Inflow<T>;
  readonly #waiters = new WaitQueue<Waiter<T>>();
  /** The answer to a question whose asker was cancelled. */
  #kept: { readonly value: T } | undefined;
  #isPulling = false;
  /** Makes the error of every `receive` to come. */
  #end: (() => unknown) | undefined;
  #closing: Promise<void> | undefined;

  constructor(inflow: Inflow<T>) {
    this.#inflow = inflow;
  }

  receive(): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.receive());
    const kept = this.#kept;
    if (kept !== undefined) {
      this.#kept = undefined;
      return Promise.resolve(kept.value);
    }
    if (this.#end !== undefined) return Promise.reject(this.#end());
    const waiter = new Waiter<T>(scope);
    this.#waiters.push(waiter);
    this.#pull();
    return waiter.promise;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new ReceiveIterator(this, this.receive);
  }

  close(reason?: unknown): Promise<void> {
    if (this.#closing === undefined) {
      const isOver = this.#end !== undefined;
      this.#end = closedReceiver;
      this.#kept = undefined;
      failAll(this.#waiters, closedReceiver);
      this.#closing = isOver ? DONE : this.#inflow.cancel(reason);
    }
    return until(this.#closing);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  #pull(): void {
    if (this.#isPulling || this.#waiters.size === 0) return;
    this.#isPulling = true;
    this.#inflow.pull().then(
      (step) => this.#pulled(step),
      (error: unknown) => this.#over(() => error),
    );
  }

  #pulled(step: IteratorResult<T, unknown>): void {
    this.#isPulling = false;
    if (this.#end !== undefined) return;
    if (step.done === true) {
      this.#over(endOfStream);
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#kept = { value: step.value };
    else waiter.wake(step.value);
    this.#pull();
  }

  #over(end: () => unknown): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#inflow.release();
    failAll(this.#waiters, end);
  }
}

function closedReceiver(): ClosedError {
  return new ClosedError("receive on a closed receiver of a stream");
}

function endOfStream(): EndOfChannel {
  return new EndOfChannel("receive from a stream that has ended");
}
