/** What accepts streams, whatever carries them. */
import type { ByteStream } from "./byte-stream.ts";

/** Accepts connections, one at a time or by iteration; iteration ends when the listener is closed. */
export interface Listener<S extends ByteStream = ByteStream> extends AsyncIterable<S>, AsyncDisposable {
  /**
   * Waits for the next connection. Always a checkpoint; a connection is never lost to a cancellation.
   * @throws ClosedError if the listener is closed.
   */
  accept(): Promise<S>;
  /** Stops listening and wakes those who wait with `ClosedError`. Connections not accepted yet are aborted; accepted ones go on. Idempotent. */
  close(): Promise<void>;
}
