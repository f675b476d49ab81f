/**
 * What can be received from, and what can be sent into, as streams of the web platform.
 *
 * A stream is read and written by code that knows nothing of scopes. So the waits on our side belong to the scope in which the stream was
 * made: if that is cancelled, the stream fails with the `Cancelled`.
 */
import { ambient, currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";

/** What `toReadableStream` takes: a channel's receiver, a subscription, a watch, a byte stream, ... */
export interface StreamSource<T> extends AsyncIterable<T> {
  close(reason?: unknown): unknown;
}

/** What `toWritableStream` takes: a channel's sender, a byte stream, ... */
export interface StreamSink<T> {
  send(value: T): Promise<void>;
  /** Ends in order. */
  close(): unknown;
  /** Ends as a failure. */
  abort(reason?: unknown): unknown;
}

/**
 * A `ReadableStream` of what `source` gives, received when somebody reads (nothing is buffered in between). It ends where the source ends and
 * fails with the error that the source fails with; cancelling it closes the source. No checkpoint.
 */
export function toReadableStream<T>(source: StreamSource<T>): ReadableStream<T> {
  const scope = currentNode();
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream<T>(
    {
      pull: async (controller) => {
        const step = await inScope(scope, () => iterator.next());
        if (step.done === true) controller.close();
        else controller.enqueue(step.value);
      },
      cancel: async (reason) => {
        await inScope(scope, () => source.close(reason));
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * A `WritableStream` that sends what is written to it into `sink`; a write is done when the `send` is. Closing it closes the sink; aborting it aborts
 * the sink at once, also while a `send` waits. It fails with the error that `send` throws. No checkpoint.
 */
export function toWritableStream<T>(sink: StreamSink<T>): WritableStream<T> {
  const scope = currentNode();
  return new WritableStream<T>({
    start: (controller) => {
      // `abort` below would come only after the write that is under way.
      controller.signal.addEventListener("abort", () => sink.abort(controller.signal.reason), { once: true });
    },
    write: (value) => inScope(scope, () => sink.send(value)),
    close: async () => {
      await inScope(scope, () => sink.close());
    },
  });
}

function inScope<R>(scope: ScopeNode, call: () => R): R {
  return ambient.within(scope, call, undefined, undefined);
}
