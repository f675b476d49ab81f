/**
 * Sending into a stream of another kind, whatever kind that is.
 *
 * A `send` waits while the stream is full by its own measure, then hands its value over, and does not wait for it to be written (as for
 * byte streams): so a `send` either happens or does not, and what goes wrong later is told to the next `send`, or to `close`.
 *
 *   open --the stream fails--> failed --close, abort--> closed      `close` throws the failure if nobody was told of it yet
 *   open --close, abort-------------------------------> closed
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { disposed } from "../kernel/dispose.ts";
import { ClosedError, isCancelled } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { until } from "../kernel/until.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { failAll } from "./fail-all.ts";

/** A web stream or a Node stream, to be sent into. */
export interface StreamSender<T> extends AsyncDisposable {
  /**
   * Waits while the stream is full, then hands `value` over to it. Always a checkpoint. Atomic under cancellation: handed over, or not.
   *
   * @throws ClosedError if this sender is closed.
   * @throws whatever the stream failed with, unchanged; BrokenError if a Node stream was destroyed, or ended by somebody else.
   */
  send(value: T): Promise<void>;
  /**
   * Closes in order: those blocked in this sender get `ClosedError` at once, what was sent is written, and the stream ends. If cancelled meanwhile (or
   * before), the rest is dropped and the stream is aborted. Idempotent.
   *
   * @throws whatever the stream failed with, if no `send` has thrown it.
   */
  close(): Promise<void>;
  /** Closes now, as a failure: a web stream is aborted, a Node stream destroyed, with `reason`. Idempotent, never waits. */
  abort(reason?: unknown): void;
}

/** A stream as one of its writers. */
export interface Outflow<T> {
  readonly hasRoom: boolean;
  /** Throws if the stream refuses such a value. */
  write(value: T): void;
  /** Ends the stream when all is written, and lets go of it. */
  end(): Promise<void>;
  /** Stops the stream and lets go of it. Does nothing if that was done. */
  abort(reason: unknown): void;
}

/** What a stream tells its writer. Never from within a call of the writer's. */
export interface OutflowEvents {
  drained(): void;
  failed(error: unknown): void;
}

class SendWaiter<T> extends Waiter<void> {
  readonly value: T;

  constructor(scope: ScopeNode, value: T) {
    super(scope);
    this.value = value;
  }
}

export class OutflowSender<T> implements StreamSender<T> {
  readonly #outflow: Outflow<T>;
  readonly #waiters = new WaitQueue<SendWaiter<T>>();
  /** Makes the error of every `send` to come. */
  #end: (() => unknown) | undefined;
  /** A failure of the stream that no `send` has thrown yet. */
  #untold: { readonly error: unknown } | undefined;
  #closing: Promise<void> | undefined;

  constructor(open: (events: OutflowEvents) => Outflow<T>) {
    this.#outflow = open({ drained: () => this.#drained(), failed: (error) => this.#failed(error) });
  }

  send(value: T): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.send(value));
    if (this.#end !== undefined) {
      this.#untold = undefined;
      return Promise.reject(this.#end());
    }
    if (this.#waiters.size === 0 && this.#outflow.hasRoom) {
      try {
        this.#outflow.write(value);
      } catch (error) {
        return Promise.reject(error);
      }
      return DONE;
    }
    const waiter = new SendWaiter(scope, value);
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      const isOver = this.#end !== undefined;
      this.#shut();
      this.#closing = isOver ? this.#tell() : this.#outflow.end();
    }
    const closing = this.#closing;
    return quietly(async () => {
      try {
        await until(closing);
      } catch (error) {
        if (isCancelled(error)) this.#outflow.abort(error);
        throw error;
      }
    });
  }

  abort(reason?: unknown): void {
    this.#closing ??= DONE;
    this.#untold = undefined;
    this.#shut();
    this.#outflow.abort(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  #shut(): void {
    this.#end = closedSender;
    failAll(this.#waiters, closedSender);
  }

  #tell(): Promise<void> {
    const untold = this.#untold;
    this.#untold = undefined;
    return untold === undefined ? DONE : Promise.reject(untold.error);
  }

  #drained(): void {
    while (this.#outflow.hasRoom) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) return;
      try {
        this.#outflow.write(waiter.value);
        waiter.wake();
      } catch (error) {
        waiter.fail(() => error);
      }
    }
  }

  #failed(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = () => error;
    if (this.#waiters.size === 0) this.#untold = { error };
    failAll(this.#waiters, this.#end);
  }
}

function closedSender(): ClosedError {
  return new ClosedError("send on a closed sender of a stream");
}
