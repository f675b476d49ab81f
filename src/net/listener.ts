/**
 * Listening for TCP connections, on one address or on all that a name stands for.
 *
 * A name like `localhost` has an address of each family, and whoever connects may try either first. So all are listened on, with one
 * port: where the system is to choose it, it chooses for the first, and if that port is taken on another, the choice is made again.
 */
import { formatAddress, type SocketAddress } from "../kernel/addresses.ts";
import { describe, objectionToOptions } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { isCancelled } from "../kernel/errors.ts";
import type { ListenOptions, Network } from "../kernel/network.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { until } from "../kernel/until.ts";
import type { SocketStream } from "../streams/byte-stream.ts";
import { ListenError } from "../streams/errors.ts";
import type { Listener } from "../streams/listener.ts";
import { checkHost, checkPort, DEFAULT_HOST, familyOf } from "./hosts.ts";
import { codeOf, whyNotListening } from "./reasons.ts";
import { StreamListener } from "./stream-listener.ts";

/** Where to listen for TCP connections. */
export interface ListenTcpOptions {
  /**
   * The address to listen on, or a name, of which all addresses are listened on; by default this machine only, over IPv4. `"0.0.0.0"` is
   * everybody over IPv4, `"::"` everybody.
   */
  readonly host?: string;
  /** 0 lets the system choose; `address.port` says which. It is the same for all addresses. */
  readonly port: number;
  /** How many connections may wait to be accepted, with the system and here; more are refused. By default 1024. */
  readonly backlog?: number;
  /** Lets several processes listen on one address, and the system spread the connections over them. */
  readonly reusePort?: boolean;
  /** Listening on `"::"`, refuses IPv4; by default both come in. */
  readonly ipv6Only?: boolean;
}

/** Accepts TCP connections. */
export interface TcpListener extends Listener<SocketStream> {
  /** Where it listens: the first address, if there are several. */
  readonly address: SocketAddress;
  /** All the addresses that it listens on. */
  readonly addresses: readonly SocketAddress[];
}

/** How often the system is asked for a port that is free on every address. */
const MAX_PORT_CHOICES = 16;

/**
 * Listens on a TCP address, or on all addresses of a name; those that this machine does not have are left out, if another is left.
 * Always a checkpoint.
 *
 * @throws ListenError if the address cannot be had; its `cause` is the system's error.
 * @throws RangeError if `backlog` is no whole number of at least 1.
 * @throws TypeError if `host` is no string.
 */
export function listen(options: ListenTcpOptions): Promise<TcpListener> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => listen(options));
  const bad =
    objectionToOptions("listen", options) ??
    checkHost("listen", options.host) ??
    checkBacklog("listen", options.backlog);
  if (bad !== undefined) return Promise.reject(bad);
  const { host = DEFAULT_HOST, port } = options;
  const badPort = checkPort(port);
  if (badPort !== undefined) return Promise.reject(refused({ host, port }, badPort, badPort.message));
  const { network } = scope.loop;
  return quietly(async () => {
    const hosts = familyOf(host) === undefined ? await addressesOf(network, { host, port }) : [host];
    for (let choices = 1; ; choices++) {
      try {
        return await listenOnAll(network, hosts, options);
      } catch (error) {
        const mayChooseAgain = port === 0 && hosts.length > 1 && choices < MAX_PORT_CHOICES;
        if (!(mayChooseAgain && error instanceof ListenError && error.systemCode === "EADDRINUSE")) throw error;
      }
    }
  });
}

/** What is wrong with `backlog`, or `undefined`. */
export function checkBacklog(what: string, backlog: number | undefined): RangeError | undefined {
  if (backlog === undefined || (Number.isInteger(backlog) && backlog >= 1)) return undefined;
  return new RangeError(`${what}: expected a backlog of at least 1, got ${describe(backlog)}`);
}

async function addressesOf(network: Network, address: SocketAddress): Promise<string[]> {
  try {
    const found = await until(network.resolve(address.host));
    if (found.length > 0) return [...new Set(found.map((one) => one.address))];
  } catch (cause) {
    if (isCancelled(cause)) throw cause;
    throw refused(address, cause);
  }
  throw refused(address, undefined, "the host name has no address");
}

async function listenOnAll(
  network: Network,
  hosts: readonly string[],
  options: ListenTcpOptions,
): Promise<StreamListener<SocketAddress>> {
  const listener = new StreamListener<SocketAddress>(options.backlog);
  let { port } = options;
  let missing: ListenError | undefined;
  for (const host of hosts) {
    const address = { host, port };
    try {
      listener.began(await network.listen(listenOptions(address, options), listener));
      port = listener.address.port;
    } catch (cause) {
      const error = refused(address, cause);
      if (isNotHere(cause)) missing ??= error;
      else {
        await listener.close();
        throw error;
      }
    }
  }
  if (listener.addresses.length === 0 && missing !== undefined) throw missing;
  return listener;
}

function listenOptions(
  address: SocketAddress,
  { backlog, reusePort, ipv6Only }: Omit<ListenTcpOptions, "port">,
): ListenOptions {
  return {
    address,
    ...(backlog === undefined ? {} : { backlog }),
    ...(reusePort === undefined ? {} : { reusePort }),
    ...(ipv6Only === undefined ? {} : { ipv6Only }),
  };
}

/** A machine without IPv6 may still have a name with an IPv6 address. */
function isNotHere(cause: unknown): boolean {
  const code = codeOf(cause);
  return code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT";
}

function refused(address: SocketAddress, cause: unknown, why = whyNotListening(cause)): ListenError {
  return new ListenError(`listen on ${formatAddress(address)}: ${why}`, { cause });
}
