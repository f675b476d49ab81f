/**
 * Standard input as a stream of bytes and of lines: a terminal, a pipe, a file, or nothing.
 *
 * Node's `process.stdin` is read only while a task waits here, so it neither holds the process open nor takes what others are to have (a child
 * that inherits it, other code of the program). What was read and not received stays here, whoever receives next: bytes, a line, an
 * answer. The descriptor belongs to the process: closing this stream ends its use here, and leaves it open.
 *
 * A process that was started with standard input closed has `/dev/null` in its place, as Node sees to: the end of the file comes at once.
 */
import { Socket } from "node:net";
import process from "node:process";
import type { Readable } from "node:stream";
import { describe } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { BrokenError, BusyError, ClosedError } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { ReceiveStream } from "../streams/byte-stream.ts";
import { ChunkIterator } from "../streams/chunk-iterator.ts";
import { FrameError } from "../streams/errors.ts";
import { InputBuffer, withoutEnd } from "./input-buffer.ts";

/** What an attempt to take something came to: a value, an error, or `undefined`, when more must come first. */
type Taken<T> = { readonly value: T } | { readonly fail: () => Error } | undefined;

export class StandardInput implements ReceiveStream {
  readonly #input: () => Readable;
  readonly #buffer = new InputBuffer();
  #end: { readonly cause: Error | undefined } | undefined;
  #isClosed = false;
  #waiter: InputWaiter<unknown> | undefined;

  /** `input` is asked for when it is first read, as Node makes its stream then. */
  constructor(input: () => Readable) {
    this.#input = input;
  }

  receive(maxBytes?: number): Promise<Uint8Array | undefined> {
    if (maxBytes !== undefined && !(Number.isInteger(maxBytes) && maxBytes >= 1)) {
      return Promise.reject(new RangeError(`receive: expected maxBytes of at least 1, got ${describe(maxBytes)}`));
    }
    return this.#take<Uint8Array | undefined>(() => {
      const { firstLength } = this.#buffer;
      return firstLength === 0
        ? this.#atEnd()
        : { value: this.#buffer.take(Math.min(firstLength, maxBytes ?? Infinity)) };
    });
  }

  /** The next line, without its end; the last one may lack that. `undefined` is the end of the file. */
  receiveLine(maxLineBytes: number): Promise<string | undefined> {
    return this.#take<string | undefined>(() => {
      const buffer = this.#buffer;
      const length = buffer.lineLength();
      // A line and its end, which may be two bytes.
      if ((length ?? buffer.length) > maxLineBytes + 2) return { fail: () => tooLong(maxLineBytes) };
      if (length === undefined && this.#end === undefined) return undefined;
      if (buffer.length === 0) return this.#atEnd();
      const line = buffer.take(length ?? buffer.length);
      const text = withoutEnd(line);
      if (text.length <= maxLineBytes) return { value: text.toString("utf8") };
      buffer.putBack(line);
      return { fail: () => tooLong(maxLineBytes) };
    });
  }

  close(): Promise<void> {
    this.abort();
    const scope = currentNode();
    return mustDetour(scope) ? detour(scope, () => this.close()) : DONE;
  }

  abort(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#buffer.clear();
    const waiter = this.#waiter;
    this.waiterLeft();
    waiter?.fail(closedHere);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array, undefined> {
    return new ChunkIterator(this);
  }

  /** The wait is over: nobody reads. */
  waiterLeft(): void {
    if (this.#waiter === undefined) return;
    this.#waiter = undefined;
    const input = this.#input();
    input.off("data", this.#came).off("end", this.#ended).off("error", this.#ended).off("close", this.#ended);
    input.pause();
  }

  #take<T>(attempt: () => Taken<T>): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.#take(attempt));
    if (this.#waiter !== undefined) {
      return Promise.reject(new BusyError("another task is receiving from standard input: give that to one task"));
    }
    const input = this.#input();
    // Others may have read it to its end.
    if (input.destroyed || input.readableEnded) this.#end ??= { cause: input.errored ?? undefined };
    const taken = this.#isClosed ? { fail: closedHere } : attempt();
    if (taken !== undefined) return "value" in taken ? Promise.resolve(taken.value) : Promise.reject(taken.fail());
    const waiter = new InputWaiter<T>(scope, this, attempt);
    this.#waiter = waiter as InputWaiter<unknown>;
    this.#read();
    return waiter.promise;
  }

  #read(): void {
    const input = this.#input();
    stopReadingAhead(input);
    input.on("data", this.#came).on("end", this.#ended).on("error", this.#ended).on("close", this.#ended);
    input.resume();
  }

  readonly #came = (chunk: Buffer | string): void => {
    this.#buffer.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    this.#retry();
  };

  readonly #ended = (cause?: Error): void => {
    this.#end ??= { cause };
    this.#retry();
  };

  #retry(): void {
    const waiter = this.#waiter;
    const taken = waiter?.attempt();
    if (waiter === undefined || taken === undefined) return;
    this.waiterLeft();
    if ("value" in taken) waiter.wake(taken.value);
    else waiter.fail(taken.fail);
  }

  #atEnd(): Taken<undefined> {
    if (this.#end === undefined) return undefined;
    const { cause } = this.#end;
    if (cause === undefined) return { value: undefined };
    return {
      fail: () => new BrokenError(`receive from standard input: it cannot be read (${cause.message})`, { cause }),
    };
  }

  static {
    printsAs(StandardInput, (input) => ({ buffered: input.#buffer.length }));
  }
}

class InputWaiter<T> extends Waiter<T> {
  readonly attempt: () => Taken<T>;
  readonly #input: StandardInput;

  constructor(scope: ScopeNode, input: StandardInput, attempt: () => Taken<T>) {
    super(scope);
    this.#input = input;
    this.attempt = attempt;
  }

  protected override abandoned(): void {
    this.#input.waiterLeft();
  }
}

/**
 * Node reads a pipe ahead, also when it is paused, which holds the process open and takes what others are to have. For a terminal it does not: its mark is 0.
 * (A file is read in steps of its mark, and holds nothing open.)
 */
function stopReadingAhead(input: object): void {
  const { _readableState: state } = input as { _readableState?: { highWaterMark: number } };
  if (input instanceof Socket && state !== undefined) state.highWaterMark = 0;
}

function tooLong(maxLineBytes: number): FrameError {
  return new FrameError(
    `a line of standard input is longer than maxLineBytes (${maxLineBytes}): raise that limit, or receive bytes`,
  );
}

function closedHere(): ClosedError {
  return new ClosedError("receive from standard input, which this program has closed");
}

/** One for the process, as its descriptor is. */
export const standardInput: StandardInput = new StandardInput(() => process.stdin);
