/**
 * Connections over Unix sockets as byte streams: on this machine, by a name in the file system.
 */
import type { UnixAddress } from "../kernel/addresses.ts";
import { objectionToOptions } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { currentNode } from "../kernel/scope.ts";
import type { UnixStream } from "../streams/byte-stream.ts";
import { ConnectError } from "../streams/errors.ts";
import { ConnectWaiter } from "./connect-waiter.ts";
import { whyNotConnectedToPath } from "./reasons.ts";
import { checkPath, shownPath } from "./unix-path.ts";

/** The Unix socket to connect to. */
export interface UnixOptions {
  /** The name of the socket, of at most 107 bytes. One that begins with a zero byte is an abstract name, which Linux has. */
  readonly path: string;
}

/**
 * Connects to a Unix socket. Always a checkpoint; cancelled, the attempt is given up.
 *
 * @throws ConnectError if the connection cannot be made; its `cause` is the system's error.
 */
export function openUnix(options: UnixOptions): Promise<UnixStream> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => openUnix(options));
  const badOptions = objectionToOptions("openUnix", options);
  if (badOptions !== undefined) return Promise.reject(badOptions);
  const { path } = options;
  const bad = checkPath(path);
  if (bad !== undefined) return Promise.reject(connectFailed(path, bad, bad.message));
  return new ConnectWaiter<UnixAddress>(scope, { address: { path } }, (cause) =>
    connectFailed(path, cause, whyNotConnectedToPath(cause)),
  ).promise;
}

function connectFailed(path: string, cause: unknown, why: string): ConnectError {
  return new ConnectError(`connect to ${shownPath(path)}: ${why}`, { cause });
}
