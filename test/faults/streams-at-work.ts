/** What tests of faults do with streams, and what they ask of the errors: the class, its code, and words that help. */
import assert from "node:assert/strict";
import { BrokenError, BusyError, ClosedError, moveOnAfter, sleep, TimeoutError } from "coppice";
import type { ByteStream, ReceiveStream, SendStream } from "coppice/net";

const CHUNK_BYTES = 64 * 1024;
const MOST_BYTES = 64 * 1024 * 1024;
/** A stream is full when sends have waited this long, this often: a real system goes on taking for a moment. */
const PATIENCE_MS = 8;
const TIMES_FULL = 4;

export const bytesOf = (text: string): Uint8Array => Buffer.from(text);
export const textOf = (bytes: Uint8Array | undefined): string => String(Buffer.from(bytes ?? []));

/** Bytes of which each tells its place, so that a gap or a repetition shows. */
export function pattern(count: number, from = 0): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let index = 0; index < count; index++) bytes[index] = ((from + index) * 31) % 251;
  return bytes;
}

/** Sends until sends wait, which are cancelled. Gives how much was taken before. */
export async function fill(stream: SendStream): Promise<number> {
  let sent = 0;
  for (let timesFull = 0; timesFull < TIMES_FULL; ) {
    const isSent = await moveOnAfter(PATIENCE_MS, () => stream.send(pattern(CHUNK_BYTES, sent)).then(() => true));
    if (isSent === undefined) timesFull++;
    else {
      sent += CHUNK_BYTES;
      timesFull = 0;
    }
    assert.ok(sent <= MOST_BYTES, "the stream takes without bound");
  }
  return sent;
}

/** Sends for ever. Now and then it lets time pass, without which virtual time would stand still. */
export async function flood(stream: SendStream): Promise<never> {
  for (const chunk = pattern(CHUNK_BYTES); ; await sleep(1)) {
    for (let count = 0; count < 16; count++) await stream.send(chunk);
  }
}

export async function readAll(stream: ReceiveStream | ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function assertNamed(error: unknown, type: new (...args: never[]) => Error, code: string, words: RegExp): void {
  assert.ok(error instanceof type, `expected a ${type.name}, got ${String(error)}`);
  assert.equal((error as { code?: unknown }).code, code);
  assert.match(error.message, words);
}

/** In the words of streams, and of readers on top of them. */
const verbs: Readonly<Record<string, string>> = {
  "receive from": "(receive|read) from",
  "receiving from": "(receiving from this stream|reading from this reader)",
  "sending to": "sending to this stream",
};

/** A lost connection says what was being done, with whom, and why. */
export function assertBroken(error: unknown, doing: "send" | "receive"): void {
  const verb = doing === "send" ? "(send|send to|TLS handshake|receive)" : "(receive|receive from)";
  assertNamed(
    error,
    BrokenError,
    "BROKEN",
    new RegExp(`^${verb}( \\S.*)?: .*(connection was lost \\(.+\\)|close_notify)`),
  );
}

export function assertClosed(error: unknown, doing: string): void {
  assertNamed(
    error,
    ClosedError,
    "CLOSED",
    new RegExp(`^${verbs[doing] ?? doing} a stream that this side has closed$`),
  );
}

export function assertBusy(error: unknown, doing: string): void {
  assertNamed(error, BusyError, "BUSY", new RegExp(`^another task is ${verbs[doing]}: give one task`));
}

export function assertTimedOut(error: unknown, ms: number): void {
  assertNamed(error, TimeoutError, "TIMEOUT", new RegExp(`^timed out after ${ms} ms$`));
}
