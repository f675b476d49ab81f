/**
 * UDP sockets.
 *
 * Names are looked up here, cancellably, and the loop is given addresses. Of a name that has both families, IPv4 is taken, as there is no
 * telling which of them works: nobody answers to the opening of a datagram socket.
 */
import { formatAddress, type SocketAddress } from "../kernel/addresses.ts";
import { describe, objectionToOptions } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import type { DatagramOptions } from "../kernel/datagrams.ts";
import { isCancelled } from "../kernel/errors.ts";
import type { Network } from "../kernel/network.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { until } from "../kernel/until.ts";
import { ConnectError, ListenError } from "../streams/errors.ts";
import type { DatagramSocket } from "./datagram-socket.ts";
import { checkHost, checkPort, familyOf } from "./hosts.ts";
import { whyNotConnected, whyNotListening } from "./reasons.ts";
import { TransportDatagramSocket } from "./transport-datagram-socket.ts";

/** Where a UDP socket receives, and whom it talks to. */
export interface UdpOptions {
  /**
   * The address to receive at. By default, where a port is given and no peer, this machine only; otherwise every address of this machine.
   * Multicast is received at `"0.0.0.0"` (or `"::"`).
   */
  readonly host?: string;
  /** The port to receive at; by default, and with 0, the system chooses; `localAddress.port` says which. */
  readonly port?: number;
  /** The one peer to send to and to hear from. Without it, `send` is told where to, and datagrams come from anybody. */
  readonly remote?: SocketAddress;
  /** The family, where no address tells it; by default 4. */
  readonly family?: 4 | 6;
  /** Lets several sockets have one address and port, as receivers of one multicast group need. */
  readonly reuseAddress?: boolean;
  /** Lets several processes have one address and port, and the system spread the datagrams over them. */
  readonly reusePort?: boolean;
  /** Allows to send to broadcast addresses. */
  readonly broadcast?: boolean;
  /**
   * How many bytes may wait to be received, each datagram counting 128 more than it has; by default 1 MiB. What comes beyond is dropped, and counted
   * in `droppedCount`.
   */
  readonly maxBufferedBytes?: number;
}

const MAX_BUFFERED_BYTES = 1024 * 1024;

const ANY = { 4: "0.0.0.0", 6: "::" } as const;
const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;

/**
 * Opens a UDP socket. Always a checkpoint.
 *
 * @throws ListenError if the address to receive at cannot be had; its `cause` is the system's error.
 * @throws ConnectError if the peer's name is not known, or there is no way to it.
 * @throws TypeError if a host is no string, or `family` none of the two.
 * @throws RangeError if a port or `maxBufferedBytes` is out of range.
 *
 * @example
 * ```ts
 * await using socket = await openUdp({ remote: { host: "127.0.0.1", port: 7 } });
 * await socket.send(new TextEncoder().encode("hello"));
 * const { bytes } = await withTimeout(1_000, () => socket.receive());
 * ```
 */
export function openUdp(options: UdpOptions = {}): Promise<DatagramSocket> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => openUdp(options));
  const badType = checkTypes(options);
  if (badType !== undefined) return Promise.reject(badType);
  const { maxBufferedBytes = MAX_BUFFERED_BYTES } = options;
  const bad = checkPort(options.port ?? 0) ?? checkPort(options.remote?.port ?? 0) ?? checkBuffer(maxBufferedBytes);
  if (bad !== undefined) return Promise.reject(new RangeError(`openUdp: ${bad.message}`));
  const { network } = scope.loop;
  return quietly(async () => {
    const endpoint = await withAddresses(network, options);
    const socket = new TransportDatagramSocket(maxBufferedBytes);
    try {
      await network.openDatagrams(endpoint, socket);
    } catch (cause) {
      throw refused(endpoint, cause);
    }
    return socket;
  });
}

/** The options of the port, with addresses for names. */
async function withAddresses(network: Network, options: UdpOptions): Promise<DatagramOptions> {
  const { host, port, remote, reuseAddress, reusePort, broadcast } = options;
  const wanted = options.family ?? familyOf(host ?? "") ?? familyOf(remote?.host ?? "");
  const peer =
    remote === undefined ? undefined : { host: await addressOf(network, remote.host, wanted, true), port: remote.port };
  const family = wanted ?? familyOf(peer?.host ?? "");
  let local: SocketAddress | undefined;
  if (host !== undefined) local = { host: await addressOf(network, host, family, false), port: port ?? 0 };
  else if (port !== undefined) local = { host: (peer === undefined ? LOOPBACK : ANY)[family ?? 4], port };
  return {
    family: family ?? familyOf(local?.host ?? "") ?? 4,
    ...(local === undefined ? {} : { local }),
    ...(peer === undefined ? {} : { remote: peer }),
    ...(reuseAddress === undefined ? {} : { reuseAddress }),
    ...(reusePort === undefined ? {} : { reusePort }),
    ...(broadcast === undefined ? {} : { broadcast }),
  };
}

async function addressOf(network: Network, host: string, family: 4 | 6 | undefined, isPeer: boolean): Promise<string> {
  if (familyOf(host) !== undefined) return host;
  const refuse = (cause: unknown, why: string): Error =>
    isPeer
      ? new ConnectError(`openUdp to ${host}: ${why}`, { cause })
      : new ListenError(`openUdp at ${host}: ${why}`, { cause });
  let found: Awaited<ReturnType<Network["resolve"]>>;
  try {
    found = await until(network.resolve(host));
  } catch (cause) {
    if (isCancelled(cause)) throw cause;
    throw refuse(cause, whyNotConnected(cause));
  }
  const preferred = found.find((one) => one.family === (family ?? 4)) ?? (family === undefined ? found[0] : undefined);
  if (preferred !== undefined) return preferred.address;
  throw refuse(undefined, `the host name has no ${family === undefined ? "" : `IPv${family} `}address`);
}

function refused({ local, remote }: DatagramOptions, cause: unknown): Error {
  const isBind = remote === undefined || (cause instanceof Error && "syscall" in cause && cause.syscall === "bind");
  if (!isBind) return new ConnectError(`openUdp to ${formatAddress(remote)}: ${whyNotConnected(cause)}`, { cause });
  const place = local === undefined ? "" : ` at ${formatAddress(local)}`;
  return new ListenError(`openUdp${place}: ${whyNotListening(cause)}`, { cause });
}

function checkTypes(options: UdpOptions): TypeError | undefined {
  const bad = objectionToOptions("openUdp", options);
  if (bad !== undefined) return bad;
  const { host, remote, family } = options;
  if (family !== undefined && family !== 4 && family !== 6) {
    return new TypeError(`openUdp: expected a family of 4 or 6, got ${describe(family)}`);
  }
  if (remote === undefined) return checkHost("openUdp", host);
  return (
    checkHost("openUdp", host) ??
    objectionToOptions("openUdp: remote", remote) ??
    checkHost("openUdp: remote", remote.host ?? null)
  );
}

function checkBuffer(bytes: number): RangeError | undefined {
  if (Number.isInteger(bytes) && bytes >= 1) return undefined;
  return new RangeError(`expected maxBufferedBytes of at least 1, got ${describe(bytes)}`);
}
