/** What checks of streams expect, and how they say what they saw instead. */
import { BrokenError, type BusyError, type ClosedError } from "../../kernel/errors.ts";
import { currentLoop } from "../../kernel/scope.ts";
import { sleep } from "../../kernel/sleep.ts";
import { type End, quiet } from "./end.ts";
import { describe, Finding, finding } from "./finding.ts";

type ErrorClass = typeof BrokenError | typeof BusyError | typeof ClosedError | typeof RangeError;

/** What came of a promise; a finding is none. */
export type Outcome<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: unknown; readonly value?: undefined };

export function outcome<T>(promise: Promise<T>): Promise<Outcome<T>> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => {
      if (error instanceof Finding) throw error;
      return { error: error ?? new Error("nothing was thrown, as `throw undefined` does") };
    },
  );
}

/** That `promise` rejects with an error of that class. `when` says where we are: "a send after close". */
export async function expectError(promise: Promise<unknown>, expected: ErrorClass, when: string): Promise<void> {
  const { value, error } = await outcome(promise);
  if (error === undefined) finding(`${when} gave ${describe(value)}, where ${expected.name} was expected`);
  if (!(error instanceof expected)) {
    finding(`${when} failed with ${describe(error)}, where ${expected.name} was expected`, error);
  }
}

/** Sends until that fails, as it must: with a `BrokenError`. */
export async function sendUntilBroken(end: End, when: string): Promise<void> {
  for (;;) {
    const { error } = await outcome(end.send(pattern(1_000)));
    if (error instanceof BrokenError) return;
    if (error !== undefined) {
      finding(`sending ${when} failed with ${describe(error)}, where BrokenError was expected`, error);
    }
    await sleep(1);
  }
}

/** More than any check sends, in single bytes. A stream that never ends would else keep the event loop to itself. */
const MAX_CHUNKS = 1_000_000;
const PERIOD = 251;
let known = new Uint8Array(0);

/** Bytes of which each tells its place, so that a gap or a repetition shows. Not to be written to. */
export function pattern(count: number, from = 0): Uint8Array {
  const start = from % PERIOD;
  if (known.length < start + count) {
    known = new Uint8Array(2 * (start + count)).map((_, index) => (index * 31) % PERIOD);
  }
  return known.subarray(start, start + count);
}

/** That `got` is `expected`. */
export function expectBytes(got: Uint8Array, expected: Uint8Array, what: string): void {
  const shared = Math.min(got.length, expected.length);
  for (let index = 0; index < shared; index++) {
    if (got[index] !== expected[index]) {
      finding(
        `${what}: byte ${index} is ${got[index]}, and ${expected[index]} was sent (lost, repeated or out of order)`,
      );
    }
  }
  if (got.length !== expected.length) finding(`${what}: ${got.length} bytes came, and ${expected.length} were sent`);
}

/** Receives exactly `count` bytes, at most `maxBytes` at a time. */
export async function readExactly(end: End, count: number, maxBytes: number = count): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; ) {
    const chunk = await end.receive(Math.min(maxBytes, count - at));
    if (chunk === undefined) return finding(`end-of-file at ${end.name} after ${at} bytes, where ${count} were sent`);
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Receives everything up to end-of-file. */
export async function readToEnd(end: End): Promise<Uint8Array> {
  const read = await readToAnyEnd(end);
  if (read.error !== undefined) throw read.error;
  return read.bytes;
}

/** Receives everything up to end-of-file, or to a lost connection, whose error is then given. */
export async function readToAnyEnd(end: End): Promise<{ bytes: Uint8Array; error: unknown }> {
  const chunks: Uint8Array[] = [];
  let error: unknown;
  try {
    for (let chunk = await end.receive(); chunk !== undefined; chunk = await end.receive()) {
      if (chunks.push(chunk) > MAX_CHUNKS) finding(`${end.name} goes on giving bytes long after all that were sent`);
    }
  } catch (thrown) {
    if (!(thrown instanceof BrokenError)) throw thrown;
    error = thrown;
  }
  return { bytes: joined(chunks), error };
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Sends `bytes` from one end to the other, both at once: a send may wait until all of it was received. */
export async function transfer(from: End, to: End, bytes: Uint8Array): Promise<void> {
  const [got] = await together(readExactly(to, bytes.length), from.send(bytes));
  expectBytes(got, bytes, `what ${to.name} received`);
}

/** That `end` is at end-of-file. */
export async function expectEof(end: End, when: string, maxBytes?: number): Promise<void> {
  const chunk = await end.receive(maxBytes);
  if (chunk !== undefined)
    finding(`receive ${when} gave ${describe(chunk)}, where end-of-file (undefined) was expected`);
}

/** Waits for several at once; the first failure is what is told, the others raise nothing. */
export function together<T extends readonly Promise<unknown>[]>(
  ...promises: T
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  for (const promise of promises) void quiet(promise);
  return Promise.all(promises) as Promise<{ [K in keyof T]: Awaited<T[K]> }>;
}

/** Lets the event loop have some turns: what is ready happens. */
export async function turns(count: number): Promise<void> {
  const loop = currentLoop();
  for (let turn = 0; turn < count; turn++) await loop.breathe();
}
