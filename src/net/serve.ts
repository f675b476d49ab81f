/**
 * Serving connections: a task for each, a graceful stop, and isolation of one connection's trouble from the others.
 */
import { BrokenError, ClosedError } from "../kernel/errors.ts";
import { currentScope } from "../kernel/scope.ts";
import { cancelScope, moveOnAfter } from "../kernel/scopes.ts";
import { taskGroup } from "../kernel/task-group.ts";
import type { BatchStream, ByteStream } from "../streams/byte-stream.ts";
import type { TcpListener } from "./listener.ts";

export interface ServeOptions<S extends ByteStream = ByteStream> {
  /**
   * What to do with an error that a handler threw. By default it ends the server, as a failing task ends its group: a bug should
   * be seen. A lost connection (`BrokenError`) is no such error: it ends that handler only.
   */
  readonly onError?: (error: unknown, stream: S) => void;
  /** How long a connection may take to flush after its handler has returned, in milliseconds; by default 5 s. */
  readonly closeTimeoutMs?: number;
}

const CLOSE_TIMEOUT_MS = 5_000;

/** Where `serve` takes its connections from: anything that accepts. */
export interface Acceptor<S extends ByteStream> {
  accept(): Promise<S>;
  close(): Promise<void>;
}

/**
 * Runs `handler` in a task of its own for each connection, and closes the connection when the handler is done.
 * Goes on until the listener is closed, or a stop is asked of a scope around it: then it
 * stops accepting and waits for the handlers, until the grace period cancels them. The listener is closed on every way out.
 */
export function serve(
  listener: TcpListener,
  handler: (stream: ByteStream) => void | PromiseLike<void>,
  options: ServeOptions = {},
): Promise<void> {
  return serveStreams(listener, handler, options);
}

export async function serveStreams<S extends ByteStream = BatchStream>(
  listener: Acceptor<S>,
  handler: (stream: S) => void | PromiseLike<void>,
  options: ServeOptions<S> = {},
): Promise<void> {
  await taskGroup(async (group) => {
    try {
      await cancelScope(async (accepting) => {
        const watch = group.spawn(
          async () => {
            await currentScope().whenStopping();
            accepting.cancel("stopping");
          },
          { name: "watch for a stop" },
        );
        try {
          for (;;) {
            const stream = await listener.accept();
            group.spawn(() => handle(stream, handler, options), { name: "connection" });
          }
        } catch (error) {
          if (!(error instanceof ClosedError)) throw error;
        } finally {
          watch.cancel("the server no longer accepts");
        }
      });
    } finally {
      await listener.close();
    }
  });
}

async function handle<S extends ByteStream>(
  stream: S,
  handler: (stream: S) => void | PromiseLike<void>,
  options: ServeOptions<S>,
): Promise<void> {
  try {
    await handler(stream);
  } catch (error) {
    if (error instanceof BrokenError) return;
    if (options.onError === undefined || currentScope().isCancelled) throw error;
    options.onError(error, stream);
  } finally {
    await closeInTime(stream, options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS);
  }
}

/** Flushes and closes; cancelled or out of time, closes at once. */
async function closeInTime(stream: ByteStream, timeoutMs: number): Promise<void> {
  if (currentScope().isCancelled) stream.abort();
  else await moveOnAfter(timeoutMs, () => stream.close());
}
