/**
 * Serving connections: a task for each, a graceful stop, and isolation of one connection's trouble from the others.
 */
import { BrokenError, ClosedError } from "../kernel/errors.ts";
import type { TaskGroup } from "../kernel/group.ts";
import { currentNode, currentScope, onStopping } from "../kernel/scope.ts";
import { cancelScope, moveOnAfter } from "../kernel/scopes.ts";
import { taskGroup } from "../kernel/task-group.ts";
import type { ByteStream } from "../streams/byte-stream.ts";
import type { Listener } from "../streams/listener.ts";

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

/**
 * Runs `handler` in a task of its own for each connection, and closes the connection when the handler is done.
 * Goes on until the listener is closed, or a stop is asked of a scope around it: then it
 * stops accepting and waits for the handlers, until the grace period cancels them. The listener is closed on every way out.
 */
export function serve<S extends ByteStream>(
  listener: Listener<S>,
  handler: (stream: S) => void | PromiseLike<void>,
  options: ServeOptions<S> = {},
): Promise<void> {
  return taskGroup(async (group) => {
    try {
      await cancelScope(async (accepting) => {
        const forget = onStopping(currentNode(), () => accepting.cancel("stopping"));
        try {
          await acceptAll(listener, group, (stream) => handle(stream, handler, options));
        } finally {
          forget();
        }
      });
    } finally {
      await listener.close();
    }
  });
}

async function acceptAll<S extends ByteStream>(
  listener: Listener<S>,
  group: TaskGroup,
  handleOne: (stream: S) => Promise<void>,
): Promise<void> {
  try {
    for (;;) {
      const stream = await listener.accept();
      group.spawn(() => handleOne(stream), { name: "connection" });
    }
  } catch (error) {
    if (!(error instanceof ClosedError)) throw error;
  }
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
    if (currentScope().isCancelled) stream.abort();
    else await moveOnAfter(options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS, () => stream.close());
  }
}
