/**
 * Filling a stream until its sender waits.
 *
 * A real network goes on taking for a while, and a sender that waits now may go on in a later turn. So what a check says of a waiting
 * sender it does in the very tick in which `clog` returns: until the next turn of the event loop nothing can have changed.
 */
import { cancelScope } from "../../kernel/scopes.ts";
import { sleep } from "../../kernel/sleep.ts";
import { type End, quiet } from "./end.ts";
import { pattern, turns } from "./expect.ts";
import { finding } from "./finding.ts";

export const CHUNK_BYTES: number = 64 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;
/** For so many milliseconds a send does not settle, before it counts as waiting. */
const IDLE_MS = 10;

export interface Clogged {
  /** What was sent before: that much of the `pattern`. */
  readonly sent: number;
  /** The send that waits, of `CHUNK_BYTES` more of the pattern. */
  readonly waiting: Promise<void>;
}

/** Sends until a send waits. */
export async function clog(end: End): Promise<Clogged> {
  for (let sent = 0; sent <= MAX_BYTES; sent += CHUNK_BYTES) {
    const waiting = quiet(end.send(pattern(CHUNK_BYTES, sent)));
    if (await isWaiting(waiting)) return { sent, waiting };
    await waiting;
  }
  return unbounded(end);
}

/** Sends until a send waits, and withdraws that one: the next send waits. Returns how much of the `pattern` was sent, which begins at `from`. */
export async function fillUp(end: End, from = 0): Promise<number> {
  for (let sent = 0; sent <= MAX_BYTES; sent += CHUNK_BYTES) {
    const didSend = await cancelScope(async (scope) => {
      const sending = quiet(end.send(pattern(CHUNK_BYTES, from + sent)));
      if (await isWaiting(sending)) scope.cancel("the stream is full");
      await sending;
      return true;
    });
    if (didSend === undefined) return sent;
  }
  return unbounded(end);
}

async function isWaiting(sending: Promise<void>): Promise<boolean> {
  let isSettled = false;
  const settled = (): void => {
    isSettled = true;
  };
  sending.then(settled, settled);
  await turns(1);
  for (let idle = 0; !isSettled && idle < IDLE_MS; idle++) await sleep(1);
  return !isSettled;
}

function unbounded(end: End): never {
  finding(
    `${end.name} took ${MAX_BYTES} bytes that nobody received (check a stream that never makes a sender wait with { neverBlocks: true })`,
  );
}
