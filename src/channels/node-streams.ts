/**
 * The streams of Node.js, seen through the few members that both kinds have always had: so nothing of Node is imported, and the
 * streams that packages bring along (`readable-stream`) work, too.
 *
 * Listeners are there from the beginning, because a stream that fails with nobody listening ends the process, and all of them are gone when
 * the stream is over; where we destroy it, that is when it says `close`.
 */
import { BrokenError } from "../kernel/errors.ts";
import type { Inflow } from "./stream-receiver.ts";
import type { Outflow, OutflowEvents } from "./stream-sender.ts";

// biome-ignore lint/suspicious/noExplicitAny: listeners of different events take different arguments, and Node says so with `any`, too.
type Listener = (...values: any[]) => void;

interface NodeStream {
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  destroy(error?: Error): unknown;
  readonly destroyed: boolean;
  readonly closed?: boolean;
  readonly errored?: Error | null;
}

/** A `Readable` of Node.js, or one that looks like it. */
export interface NodeReadable extends NodeStream {
  read(): unknown;
  readonly readableEnded: boolean;
}

/** A `Writable` of Node.js, or one that looks like it. */
export interface NodeWritable extends NodeStream {
  write(chunk: unknown): boolean;
  end(): unknown;
  readonly writableNeedDrain: boolean;
  readonly writableEnded: boolean;
}

type Pull<T> = PromiseWithResolvers<IteratorResult<T, unknown>>;

export class NodeInflow<T> implements Inflow<T> {
  readonly #stream: NodeReadable;
  readonly #listeners: Listeners;
  #pull: Pull<T> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isEnded: boolean;

  constructor(stream: NodeReadable) {
    this.#stream = stream;
    this.#isEnded = stream.readableEnded;
    this.#failure = this.#isEnded ? undefined : failureOf(stream);
    this.#listeners = new Listeners(stream, {
      readable: () => this.#look(),
      end: () => {
        this.#isEnded = true;
        this.#look();
      },
      error: (error) => {
        this.#failure = { error };
        this.#look();
      },
      close: () => {
        if (!this.#isEnded) this.#failure ??= { error: destroyedEarly() };
        this.#look();
      },
    });
  }

  pull(): Promise<IteratorResult<T, unknown>> {
    const pull: Pull<T> = Promise.withResolvers();
    this.#pull = pull;
    this.#look();
    return pull.promise;
  }

  release(): void {
    this.#listeners.remove();
  }

  async cancel(reason: unknown): Promise<void> {
    this.#pull = undefined;
    this.#listeners.remove();
    await destroyed(this.#stream, reason);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Answers the question, if there is one and an answer. */
  #look(): void {
    const pull = this.#pull;
    if (pull === undefined) return;
    const chunk = this.#isEnded || this.#failure !== undefined ? null : this.#stream.read();
    if (chunk !== null) pull.resolve({ value: chunk as T, done: false });
    else if (this.#isEnded) pull.resolve({ value: undefined, done: true });
    else if (this.#failure !== undefined) pull.reject(this.#failure.error);
    else return;
    this.#pull = undefined;
  }
}

export class NodeOutflow<T> implements Outflow<T> {
  readonly #stream: NodeWritable;
  readonly #listeners: Listeners;
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #isOver = false;

  constructor(stream: NodeWritable, events: OutflowEvents) {
    this.#stream = stream;
    const fail = (error: unknown): void => {
      this.#isOver = true;
      this.#listeners.remove();
      this.#ended.reject(error);
      events.failed(error);
    };
    this.#listeners = new Listeners(stream, {
      drain: () => events.drained(),
      error: fail,
      close: () => fail(destroyedEarly()),
      finish: () => {
        this.#isOver = true;
        this.#listeners.remove();
        this.#ended.resolve();
        events.failed(new BrokenError("send into a stream that somebody else has ended"));
      },
    });
    // Whoever ends the stream asks for it; and to everybody else a failure is told by the events.
    this.#ended.promise.catch(() => {});
    const failure = failureOf(stream);
    if (failure !== undefined) fail(failure.error);
    else if (stream.writableEnded) fail(new BrokenError("send into a stream that was ended"));
  }

  get hasRoom(): boolean {
    return !this.#stream.writableNeedDrain;
  }

  write(value: T): void {
    this.#stream.write(value);
  }

  end(): Promise<void> {
    this.#stream.end();
    return this.#ended.promise;
  }

  abort(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listeners.remove();
    this.#ended.resolve();
    void destroyed(this.#stream, reason);
  }
}

/** Some listeners of one stream, to be removed together. */
class Listeners {
  readonly #stream: NodeStream;
  readonly #listeners: readonly (readonly [event: string, listener: Listener])[];

  constructor(stream: NodeStream, listeners: Readonly<Record<string, Listener>>) {
    this.#stream = stream;
    this.#listeners = Object.entries(listeners);
    for (const [event, listener] of this.#listeners) stream.on(event, listener);
  }

  remove(): void {
    for (const [event, listener] of this.#listeners) this.#stream.off(event, listener);
  }
}

/** Destroys `stream` and settles when it has closed; fails if that fails with anything but `reason` itself. */
function destroyed(stream: NodeStream, reason: unknown): Promise<void> {
  if (stream.closed === true) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let failure: { readonly error: unknown } | undefined;
    const listeners = new Listeners(stream, {
      error: (error) => {
        if (error !== reason) failure = { error };
      },
      close: () => {
        listeners.remove();
        if (failure === undefined) resolve();
        else reject(failure.error);
      },
    });
    if (reason instanceof Error) stream.destroy(reason);
    else stream.destroy();
  });
}

function failureOf(stream: NodeStream): { readonly error: unknown } | undefined {
  if (stream.errored instanceof Error) return { error: stream.errored };
  return stream.destroyed ? { error: destroyedEarly() } : undefined;
}

function destroyedEarly(): BrokenError {
  return new BrokenError("the stream was destroyed before its end");
}
