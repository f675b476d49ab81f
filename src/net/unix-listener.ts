/**
 * Listening on Unix sockets, and what becomes of a socket that a dead program left behind.
 *
 * A program that is killed leaves its socket's name in the file system, and the name then stands in the way of the next one.
 * By default that is an error. With `staleSocket: "replace"`:
 *
 *   the name is free          listen
 *   somebody answers on it    an error; the live listener sees one connection that comes and goes
 *   nobody answers on it      remove the name if it is a socket, and listen; anything else (a file, a folder, a link) is left alone, an error
 *
 * What cannot be excluded: of two programs that replace one stale socket in the same moment, the later one may remove the name that the
 * earlier one has just made, between its probe and its removal. Who must exclude that holds a lock file around it.
 */
import type { UnixAddress } from "../kernel/addresses.ts";
import { describe, objectionToOptions } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import type { ListenOptions, Network } from "../kernel/network.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import type { UnixStream } from "../streams/byte-stream.ts";
import { ConnectError, ListenError } from "../streams/errors.ts";
import type { Listener } from "../streams/listener.ts";
import { checkBacklog } from "./listener.ts";
import { codeOf, whyNotListeningOnPath } from "./reasons.ts";
import { StreamListener } from "./stream-listener.ts";
import { openUnix } from "./unix.ts";
import { checkPath, shownPath } from "./unix-path.ts";

/** The Unix socket to listen on, and what to do about a stale one. */
export interface ListenUnixOptions {
  /** The name of the socket, of at most 107 bytes. One that begins with a zero byte is an abstract name, which Linux has. */
  readonly path: string;
  /** What to do where a socket of that name exists and nobody listens on it: `"fail"`, the default, or `"replace"` it. */
  readonly staleSocket?: "fail" | "replace";
  /**
   * Who may connect, as permissions of the name (`0o600`: this user, `0o660`: the group, too, `0o666`: everybody); by default what the umask
   * leaves. To connect one needs the right to write. Set when it listens already, so where the umask leaves more, that holds until then.
   */
  readonly mode?: number;
  /** How many connections may wait to be accepted, with the system and here; more are refused. By default 1024. */
  readonly backlog?: number;
}

/** Accepts connections to a Unix socket. Closing it removes the name. */
export interface UnixListener extends Listener<UnixStream> {
  readonly address: UnixAddress;
}

/** A name that is taken, removed, and taken again this often is somebody else's. */
const MAX_TRIES = 3;

/**
 * Listens on a Unix socket, whose name is made, and removed on close. Always a checkpoint.
 *
 * @throws ListenError if the name cannot be had; its `cause` is the system's error.
 * @throws RangeError if `backlog`, `mode` or `staleSocket` is none of the values described.
 */
export function listenUnix(options: ListenUnixOptions): Promise<UnixListener> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => listenUnix(options));
  const bad =
    objectionToOptions("listenUnix", options) ?? checkBacklog("listenUnix", options.backlog) ?? checkPolicy(options);
  if (bad !== undefined) return Promise.reject(bad);
  const badPath = checkPath(options.path);
  if (badPath !== undefined) return Promise.reject(refused(options.path, badPath, badPath.message));
  const { network } = scope.loop;
  return quietly(() => listenOnPath(network, options));
}

async function listenOnPath(network: Network, options: ListenUnixOptions): Promise<UnixListener> {
  const { path, staleSocket, backlog, mode } = options;
  const listenOptions: ListenOptions = {
    address: { path },
    ...(backlog === undefined ? {} : { backlog }),
    ...(mode === undefined ? {} : { mode }),
  };
  for (let tries = 1; ; tries++) {
    const listener = new StreamListener<UnixAddress>(backlog);
    try {
      listener.began(await network.listen(listenOptions, listener));
      return listener;
    } catch (cause) {
      const isTaken = codeOf(cause) === "EADDRINUSE";
      if (!isTaken || staleSocket !== "replace" || tries === MAX_TRIES) throw refused(path, cause);
      await removeStale(network, path, cause);
    }
  }
}

/** Returns when the name may be free. `taken` is the error for where it is not. */
async function removeStale(network: Network, path: string, taken: unknown): Promise<void> {
  try {
    const probe = await openUnix({ path });
    probe.abort();
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    // It is gone already, as its program has just ended in order.
    if (error.systemCode === "ENOENT") return;
    if (error.systemCode !== "ECONNREFUSED") {
      throw refused(path, taken, `the name is taken, and not by a stale socket (${error.systemCode ?? error.message})`);
    }
    await unlinkSocket(network, path, taken);
    return;
  }
  throw refused(path, taken, "another program listens there (EADDRINUSE): stop it, or choose another path");
}

async function unlinkSocket(network: Network, path: string, taken: unknown): Promise<void> {
  try {
    await network.unlink(path);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return;
    if (codeOf(cause) !== "ENOTSOCK") throw refused(path, cause);
    throw refused(path, taken, "what has that name is no socket (EADDRINUSE), and is left alone: choose another path");
  }
}

function checkPolicy({ path, staleSocket, mode }: ListenUnixOptions): RangeError | undefined {
  if (staleSocket !== undefined && staleSocket !== "fail" && staleSocket !== "replace") {
    return new RangeError(`listenUnix: expected staleSocket to be "fail" or "replace", got ${describe(staleSocket)}`);
  }
  if (mode !== undefined && !(Number.isInteger(mode) && mode >= 0 && mode <= 0o777)) {
    return new RangeError(`listenUnix: expected a mode from 0 to 0o777, got ${describe(mode)}`);
  }
  if (mode !== undefined && String(path).startsWith("\0")) {
    return new RangeError("listenUnix: an abstract name is no file and has no mode");
  }
  return undefined;
}

function refused(path: string, cause: unknown, why = whyNotListeningOnPath(cause)): ListenError {
  return new ListenError(`listen on ${shownPath(path)}: ${why}`, { cause });
}
