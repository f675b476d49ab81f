/**
 * One end of a pair under test. Every call goes through here, so that a check that hangs can name the calls that never settled, an error
 * can be told with the call that it came from, and what must hold of every call is looked at in every check.
 */
import type { ByteStream, Closable } from "../../streams/byte-stream.ts";
import { describe, finding, sizeOf } from "./finding.ts";

/** The calls of one check. */
export class Calls {
  readonly #waiting = new Set<string>();
  readonly #origins = new WeakMap<object, string>();
  #count = 0;

  /** Makes a call; whatever comes of its promise later, it raises no unhandled rejection. */
  make<T>(what: string, call: () => Promise<T>): Promise<T> {
    const name = `${what} (call ${++this.#count})`;
    let promise: Promise<T>;
    try {
      promise = call();
    } catch (error) {
      return finding(`${what} threw ${describe(error)}, where it should give a promise`, error);
    }
    if (typeof promise?.then !== "function")
      finding(`${what} gave ${describe(promise)}, where it should give a promise`);
    this.#waiting.add(name);
    promise.then(
      () => this.#waiting.delete(name),
      (error: unknown) => {
        this.#waiting.delete(name);
        if (typeof error === "object" && error !== null) this.#origins.set(error, what);
      },
    );
    return promise;
  }

  get waiting(): readonly string[] {
    return [...this.#waiting];
  }

  /** The call that `error` came from. */
  originOf(error: unknown): string | undefined {
    return typeof error === "object" && error !== null ? this.#origins.get(error) : undefined;
  }
}

/** Calls the methods that its stream has; a check of one-way streams calls no others. */
export class End {
  readonly name: string;
  readonly stream: ByteStream;
  readonly #calls: Calls;

  constructor(name: string, stream: Closable, calls: Calls) {
    this.name = name;
    this.stream = stream as ByteStream;
    this.#calls = calls;
  }

  send(bytes: Uint8Array): Promise<void> {
    return this.#calls.make(`send(${sizeOf(bytes)}) at ${this.name}`, () => this.stream.send(bytes));
  }

  receive(maxBytes?: number): Promise<Uint8Array | undefined> {
    const what = `receive(${maxBytes ?? ""}) at ${this.name}`;
    const receiving = this.#calls.make(what, () => this.stream.receive(maxBytes));
    return quiet(receiving.then((chunk) => checkChunk(what, chunk, maxBytes)));
  }

  sendEof(): Promise<void> {
    return this.#calls.make(`sendEof() at ${this.name}`, () => this.stream.sendEof());
  }

  trySend(bytes: Uint8Array): boolean {
    const isSent = this.stream.trySend(bytes);
    if (typeof isSent !== "boolean") finding(`trySend(${sizeOf(bytes)}) at ${this.name} gave ${describe(isSent)}`);
    return isSent;
  }

  close(): Promise<void> {
    return this.#calls.make(`close() at ${this.name}`, () => this.stream.close());
  }

  dispose(): Promise<void> {
    return this.#calls.make(
      `[Symbol.asyncDispose]() at ${this.name}`,
      async () => await this.stream[Symbol.asyncDispose](),
    );
  }

  abort(): void {
    try {
      this.stream.abort();
    } catch (error) {
      finding(`abort() at ${this.name} threw ${describe(error)}`, error);
    }
  }

  /** A new iteration. Its `next` gives the chunk; `undefined` at the end. */
  iterate(): { next(): Promise<Uint8Array | undefined>; leave(): Promise<void> } {
    const iterator = this.stream[Symbol.asyncIterator]();
    return {
      next: () => {
        const what = `a step of iterating over ${this.name}`;
        const stepping = this.#calls.make(what, () => iterator.next());
        return quiet(
          stepping.then((step) => (step.done === true ? undefined : checkChunk(what, step.value, undefined))),
        );
      },
      leave: async () => {
        await this.#calls.make(`leaving the iteration over ${this.name}`, async () => await iterator.return?.());
      },
    };
  }
}

function checkChunk(what: string, chunk: unknown, maxBytes: number | undefined): Uint8Array | undefined {
  if (chunk === undefined) return undefined;
  if (!(chunk instanceof Uint8Array)) return finding(`${what} gave ${describe(chunk)}, neither bytes nor end-of-file`);
  if (chunk.length === 0) finding(`${what} gave an empty chunk, which is neither bytes nor end-of-file (undefined)`);
  if (maxBytes !== undefined && chunk.length > maxBytes) finding(`${what} gave ${sizeOf(chunk)}, more than asked for`);
  return chunk;
}

/** A promise that may fail when nobody waits for it any more. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.then(undefined, () => {});
  return promise;
}
