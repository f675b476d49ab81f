/** Streams without any buffer: what relies on one hangs here, in every run, instead of under load. After Trio's. */
import type { ByteStream, ReceiveStream, SendStream } from "../../streams/byte-stream.ts";
import { stapled } from "../../streams/stapled.ts";
import { pipe } from "./pipe.ts";

/**
 * Makes two connected ends, of which one sends and one receives, in lockstep: a send waits until the receiver has received all of it.
 * Cancelled before it received any, a send has sent nothing; after that, the send returns and the rest is still received.
 */
export function lockstepOneWayPair(): [SendStream, ReceiveStream] {
  return pipe({ isLockstep: true });
}

/**
 * Makes two connected streams that are in lockstep both ways, for tests of code that sends without anybody receiving yet: with real
 * streams that works while buffers are large enough, here never.
 *
 * @example
 * ```ts
 * const [client, server] = lockstepPair();
 * await taskGroup((group) => {
 *   group.spawn(() => serveOne(server));
 *   group.spawn(() => client.send(request));
 * });
 * ```
 */
export function lockstepPair(): [ByteStream, ByteStream] {
  const [toSecond, fromFirst] = lockstepOneWayPair();
  const [toFirst, fromSecond] = lockstepOneWayPair();
  return [stapled(toSecond, fromSecond), stapled(toFirst, fromFirst)];
}
