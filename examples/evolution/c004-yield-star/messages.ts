/**
 * Messages, as generators that others delegate to: what they yield passes through their callers to the loop, and what
 * they return is what `yield*` gives, with its type.
 */
import type { Socket } from "coppice/selector";
import type { Future, Loop, Steps } from "../c003-generator/loop.ts";
import { frame, HEADER_BYTES, lengthOf } from "../wire.ts";

/** Waits for a future: the one place that yields. */
export function* wait<T>(future: Future<T>): Steps<T> {
  yield future;
  return future.result();
}

/** The next message; `undefined` where the peer has said all. */
export function* receiveMessage(loop: Loop, socket: Socket): Steps<string | undefined> {
  const header = yield* receiveExactly(loop, socket, HEADER_BYTES);
  if (header === undefined) return undefined;
  const body = yield* receiveExactly(loop, socket, lengthOf(header));
  return body?.toString();
}

export function* sendMessage(loop: Loop, socket: Socket, text: string): Steps {
  let unsent: Uint8Array = frame(text);
  while (unsent.length > 0) unsent = unsent.subarray(yield* wait(loop.send(socket, unsent)));
}

function* receiveExactly(loop: Loop, socket: Socket, count: number): Steps<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  for (let left = count; left > 0; ) {
    const chunk = yield* wait(loop.receive(socket, left));
    if (chunk === undefined) return undefined;
    chunks.push(chunk);
    left -= chunk.length;
  }
  return Buffer.concat(chunks);
}
