/**
 * Accepting one connection after the other: waits while there are too many, gets over the failures of single accepts, ends when the listener
 * is closed.
 *
 * The listeners of this library fail no `accept` for want of descriptors, their loops try again; a listener of the user's own may.
 */
import { ACCEPT_RETRY_MS, isAffairOfPeer, isExhausted } from "../kernel/accept-failures.ts";
import { ClosedError } from "../kernel/errors.ts";
import { currentLoop } from "../kernel/scope.ts";
import { sleep } from "../kernel/sleep.ts";
import type { ByteStream } from "../streams/byte-stream.ts";
import type { Listener } from "../streams/listener.ts";
import { AcceptLog } from "./accept-log.ts";
import type { ConnectionLimit } from "./connection-limit.ts";

/** Calls `begin` with each connection, which is one of those that `limit` counts until somebody says that it has ended. */
export async function acceptAll<S extends ByteStream>(
  listener: Listener<S>,
  limit: ConnectionLimit,
  begin: (stream: S) => void,
): Promise<void> {
  const failures = new AcceptLog(currentLoop(), "COPPICE_ACCEPT_FAILED");
  for (;;) {
    while (limit.isFull) await limit.room();
    const stream = await acceptNext(listener, failures);
    if (stream === undefined) return;
    try {
      // Another listener may have had the last room meanwhile.
      while (limit.isFull) await limit.room();
    } catch (error) {
      stream.abort();
      throw error;
    }
    limit.begin();
    begin(stream);
  }
}

async function acceptNext<S extends ByteStream>(listener: Listener<S>, failures: AcceptLog): Promise<S | undefined> {
  for (;;) {
    try {
      return await listener.accept();
    } catch (error) {
      if (error instanceof ClosedError) return undefined;
      if (!(error instanceof Error)) throw error;
      if (isAffairOfPeer(error)) continue;
      if (!isExhausted(error)) throw error;
      failures.tell(
        `a connection could not be accepted, it is tried again every ${ACCEPT_RETRY_MS} ms: ${error.message}`,
      );
      await sleep(ACCEPT_RETRY_MS);
    }
  }
}
