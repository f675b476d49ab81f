/**
 * Serving connections: a task for each, a graceful stop, and isolation of one connection's trouble from the others.
 */
import { callBody, type Returned } from "../kernel/body.ts";
import { checkFunction, describe, objectionToOptions } from "../kernel/check-function.ts";
import { disposed } from "../kernel/dispose.ts";
import { BrokenError, isCancelled } from "../kernel/errors.ts";
import { currentNode, currentScope, onStopping } from "../kernel/scope.ts";
import { cancelScope, checkDuration, moveOnAfter } from "../kernel/scopes.ts";
import { taskGroup } from "../kernel/task-group.ts";
import type { ByteStream } from "../streams/byte-stream.ts";
import type { Listener } from "../streams/listener.ts";
import { acceptAll } from "./accept-loop.ts";
import { ConnectionLimit } from "./connection-limit.ts";

/** How many connections are served at a time, what becomes of errors, and how patiently connections are closed. */
export interface ServeOptions<S extends ByteStream = ByteStream> {
  /**
   * How many connections are handled at a time; by default, as many as come. At the limit no more are accepted until one has ended: they
   * wait, as many as the `backlog` of the listener allows, and further ones are refused. Several listeners share the limit.
   */
  readonly maxConnections?: number;
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
 * Runs `handler` in a task of its own for each connection of a listener, or of several, and closes the connection when the handler is done.
 * Goes on until every listener is closed, or a stop is asked of a scope around it: then it
 * stops accepting and waits for the handlers, until the grace period cancels them. A handler that waits for what its peer says next looks for
 * the stop itself (`currentScope().whenStopping()`), as only it knows whether it is in the middle of something. The listeners are closed on every
 * way out. An accept that fails for want of descriptors or memory is reported and tried again.
 *
 * @throws RangeError if `maxConnections` is no whole number of at least 1, or `closeTimeoutMs` no duration.
 * @throws TypeError if there is no listener, or `handler` or `onError` is no function.
 */
export function serve<S extends ByteStream>(
  listeners: Listener<S> | readonly Listener<S>[],
  handler: (stream: S) => Returned<void>,
  options: ServeOptions<S> = {},
): Promise<void> {
  return taskGroup(async (group) => {
    const all = listenersOf(listeners);
    try {
      checkFunction("serve", handler);
      checkOptions(options);
      const limit = new ConnectionLimit(checkMax(options.maxConnections));
      const begin = (stream: S): void => {
        const task = async (): Promise<void> => {
          try {
            await handle(stream, handler, options);
          } finally {
            limit.end();
          }
        };
        group.spawn(task, { name: "connection" });
      };
      await cancelScope(async (accepting) => {
        const forget = onStopping(currentNode(), () => accepting.cancel("stopping"));
        try {
          if (all.length === 1) await acceptAll(all[0] as Listener<S>, limit, begin);
          else await acceptFromAll(all, (listener) => acceptAll(listener, limit, begin));
        } finally {
          forget();
        }
      });
    } finally {
      await Promise.all(all.map((listener) => listener.close()));
    }
  });
}

function acceptFromAll<L>(listeners: readonly L[], accept: (listener: L) => Promise<void>): Promise<void> {
  return taskGroup((group) => {
    for (const listener of listeners) group.spawn(() => accept(listener), { name: "listener" });
  });
}

/** @throws TypeError if it is none. */
function listenersOf<S extends ByteStream>(listeners: Listener<S> | readonly Listener<S>[]): readonly Listener<S>[] {
  const all: readonly Listener<S>[] = Array.isArray(listeners) ? listeners : [listeners as Listener<S>];
  for (const one of all) {
    if (typeof one?.accept !== "function") throw new TypeError(`serve: expected a listener, got ${describe(one)}`);
  }
  return all;
}

/** @throws TypeError, RangeError */
function checkOptions<S extends ByteStream>(options: ServeOptions<S>): void {
  const invalid =
    objectionToOptions("serve", options) ??
    (options.closeTimeoutMs === undefined ? undefined : checkDuration("serve: closeTimeoutMs", options.closeTimeoutMs));
  if (invalid !== undefined) throw invalid;
  if (options.onError !== undefined) checkFunction("serve: onError", options.onError);
}

/** @throws RangeError */
function checkMax(max = Infinity): number {
  if (max === Infinity || (Number.isInteger(max) && max >= 1)) return max;
  throw new RangeError(`serve: expected maxConnections of at least 1, got ${describe(max)}`);
}

async function handle<S extends ByteStream>(
  stream: S,
  handler: (stream: S) => Returned<void>,
  options: ServeOptions<S>,
): Promise<void> {
  try {
    await callBody(handler, stream);
  } catch (error) {
    if (error instanceof BrokenError) return;
    if (options.onError === undefined || (currentScope().isCancelled && isCancelled(error))) throw error;
    options.onError(error, stream);
  } finally {
    if (currentScope().isCancelled) stream.abort();
    // As at the end of `await using`: a cancellation that lands here does not take the place of what the handler threw.
    else await disposed(moveOnAfter(options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS, () => stream.close()));
  }
}
