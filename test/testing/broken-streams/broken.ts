/** Streams that are broken in one way: a memory pair's, with one thing changed. */
import assert from "node:assert/strict";
import { type BrokenError, type ClosedError, isCancelled } from "coppice";
import { type ByteStream, memoryPair } from "coppice/net";

type Change = (stream: ByteStream) => Partial<ByteStream>;

export interface Broken {
  readonly name: string;
  readonly change: Change;
  /** The rule that it breaks, and what was seen. */
  readonly rule: RegExp;
  readonly seen?: RegExp;
}

/** A stream that passes every call on, but for what is changed. */
function changed(stream: ByteStream, change: Change): ByteStream {
  const whole: ByteStream = {
    receive: (maxBytes) => stream.receive(maxBytes),
    send: (bytes) => stream.send(bytes),
    trySend: (bytes) => stream.trySend(bytes),
    sendEof: () => stream.sendEof(),
    close: () => stream.close(),
    abort: () => stream.abort(),
    // They call what may be changed, as a stream's own do.
    async *[Symbol.asyncIterator]() {
      for (let chunk = await whole.receive(); chunk !== undefined; chunk = await whole.receive()) yield chunk;
    },
    [Symbol.asyncDispose]: () => whole.close().catch((error) => assert.ok(isCancelled(error))),
  };
  return Object.assign(whole, change(stream));
}

/** Pairs whose ends are both changed. */
export const pairOf = (change: Change) => async (): Promise<[ByteStream, ByteStream]> => {
  const [first, second] = memoryPair();
  return [changed(first, change), changed(second, change)];
};

/** One call after the other. */
export function serial<A extends unknown[], T>(call: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (...args) => {
    const next = last.then(() => call(...args));
    last = next.catch(() => {});
    return next;
  };
}

/** Rethrows errors, those of one class as those of another. */
export function mistaken(
  expected: typeof ClosedError | typeof BrokenError,
  given: typeof ClosedError | typeof BrokenError,
): (error: Error) => never {
  return (error) => {
    if (error instanceof expected) throw new given(error.message);
    throw error;
  };
}
