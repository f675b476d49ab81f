/**
 * TCP connections as byte streams.
 */
import { formatAddress, type SocketAddress } from "../kernel/addresses.ts";
import { objectionToOptions } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { currentNode } from "../kernel/scope.ts";
import { checkDuration } from "../kernel/scopes.ts";
import type { SocketStream } from "../streams/byte-stream.ts";
import { ConnectError } from "../streams/errors.ts";
import { ConnectWaiter } from "./connect-waiter.ts";
import { ConnectRace, connectFailed } from "./happy-eyeballs.ts";
import { checkHost, checkPort, DEFAULT_HOST, familyOf } from "./hosts.ts";

/** Where to connect to over TCP, and from where. */
export interface TcpOptions {
  /** A name or an address; by default this machine, over IPv4. */
  readonly host?: string;
  readonly port: number;
  /** The address of this machine to connect from; of a name's addresses, only those of its family are tried. */
  readonly localHost?: string;
  /**
   * Of a name with several addresses: how long an attempt goes on alone before the next one begins beside it, in milliseconds; by
   * default 250. With `Infinity` the next one begins only when the one before has failed.
   */
  readonly connectionAttemptDelayMs?: number;
}

const CONNECTION_ATTEMPT_DELAY_MS = 250;

/**
 * Connects to a TCP server. The addresses of a name race (RFC 8305, "happy eyeballs"): the families take turns, an attempt begins when the
 * one before has failed or after 250 ms, none is given up before another has won. Always a checkpoint; cancelled, all attempts
 * are given up. There is no timeout of its own: use `withTimeout`.
 *
 * @throws ConnectError if the connection cannot be made; its `cause` is the system's error, and where several addresses were tried, an
 *   `ErrorGroup` with a `ConnectError` for each.
 * @throws TypeError if `host` or `localHost` is no string.
 */
export function openTcp(options: TcpOptions): Promise<SocketStream> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => openTcp(options));
  const bad =
    objectionToOptions("openTcp", options) ??
    checkHost("openTcp", options.host) ??
    checkHost("openTcp: localHost", options.localHost);
  if (bad !== undefined) return Promise.reject(bad);
  const { host = DEFAULT_HOST, port, localHost, connectionAttemptDelayMs: delayMs } = options;
  const address: SocketAddress = { host, port };
  const badPort = checkPort(port);
  if (badPort !== undefined) {
    return Promise.reject(
      new ConnectError(`connect to ${formatAddress(address)}: ${badPort.message}`, { cause: badPort }),
    );
  }
  if (delayMs !== undefined) {
    const badDelay = checkDuration("openTcp: connectionAttemptDelayMs", delayMs);
    if (badDelay !== undefined) return Promise.reject(badDelay);
  }
  if (familyOf(host) !== undefined) {
    const connecting = localHost === undefined ? { address } : { address, localHost };
    return new ConnectWaiter<SocketAddress>(scope, connecting, (cause) => connectFailed(address, cause)).promise;
  }
  const family = localHost === undefined ? undefined : familyOf(localHost);
  return new ConnectRace(scope, { address, localHost, family, delayMs: delayMs ?? CONNECTION_ATTEMPT_DELAY_MS })
    .promise;
}
