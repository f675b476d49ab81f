/** Opening what an event loop has: servers, connections, datagram endpoints, subprocesses. Each wait that is cancelled leaves nothing behind. */
import type { Address } from "../kernel/addresses.ts";
import type { DatagramOptions } from "../kernel/datagrams.ts";
import { Cancelled } from "../kernel/errors.ts";
import type { NetworkListener } from "../kernel/network.ts";
import { currentNode } from "../kernel/scope.ts";
import { until } from "../kernel/until.ts";
import { objectionToAddress, objectionToEndpoint, objectionToProgram } from "./check-options.ts";
import { ConnectWaiter } from "./connect.ts";
import { Endpoint } from "./endpoint.ts";
import type { EndpointProtocol, EndpointTransport } from "./endpoint-protocol.ts";
import type { Home } from "./home.ts";
import { madeBy } from "./made-protocol.ts";
import { ProtocolServer, type Server } from "./server.ts";
import type { StreamProtocol, StreamTransport } from "./stream-protocol.ts";
import { type Command, Subprocess, type SubprocessOptions } from "./subprocess.ts";
import type { SubprocessProtocol, SubprocessTransport } from "./subprocess-protocol.ts";

const DEFAULT_HOST = "127.0.0.1";

/** Where a server listens, and how. */
export interface CreateServerOptions {
  /** The address to listen on; by default this machine only. `"0.0.0.0"` and `"::"` are everybody. */
  readonly host?: string;
  /** 0 lets the system choose; `addresses` of the server says which. */
  readonly port: number;
  /** How many connections the system may hold before they are accepted; by default 1024. */
  readonly backlog?: number;
  /** Lets several processes listen on one address, and the system spread the connections over them. */
  readonly reusePort?: boolean;
  /** Listening on `::`, refuses IPv4; by default both come in. */
  readonly ipv6Only?: boolean;
}

/** The Unix socket on which a server listens. A stale one is not removed. */
export interface CreateUnixServerOptions {
  readonly path: string;
  /** How many connections the system may hold before they are accepted; by default 1024. */
  readonly backlog?: number;
}

/** Where to connect. A name's first address is tried: `openTcp` of `coppice/net` races them. */
export interface CreateConnectionOptions {
  /** A name or an address; by default this machine. */
  readonly host?: string;
  readonly port: number;
  /** The address of this machine to connect from. */
  readonly localHost?: string;
}

export async function openServer(
  home: Home,
  makeProtocol: () => StreamProtocol,
  options: CreateServerOptions | CreateUnixServerOptions,
): Promise<Server> {
  const bad = objectionToAddress("a server", options);
  if (bad !== undefined) throw bad;
  const server = new ProtocolServer(home, makeProtocol);
  const { backlog } = options;
  const opening = server.open({
    address: addressOf(options),
    ...(backlog === undefined ? {} : { backlog }),
    ...("port" in options ? portOptions(options) : {}),
  });
  const late = (listener: NetworkListener): void => {
    server.began(listener);
    server.abort();
  };
  server.began(await opened(opening, late));
  return server;
}

export function openConnection<P extends StreamProtocol>(
  home: Home,
  makeProtocol: () => P,
  options: CreateConnectionOptions | { readonly path: string },
): Promise<[StreamTransport, P]> {
  const bad = objectionToAddress("a connection", options);
  if (bad !== undefined) return Promise.reject(bad);
  const address = addressOf(options);
  const connecting =
    "localHost" in options && options.localHost !== undefined ? { address, localHost: options.localHost } : { address };
  return new ConnectWaiter(currentNode(), home, makeProtocol, connecting).promise;
}

export async function openEndpoint<P extends EndpointProtocol>(
  home: Home,
  makeProtocol: () => P,
  options: DatagramOptions,
): Promise<[EndpointTransport, P]> {
  const bad = objectionToEndpoint("a datagram endpoint", options);
  if (bad !== undefined) throw bad;
  const protocol = madeBy(makeProtocol);
  const endpoint = new Endpoint(home, protocol);
  await opened(endpoint.open(options), () => endpoint.abort());
  return [endpoint, protocol];
}

export async function openSubprocess<P extends SubprocessProtocol>(
  home: Home,
  makeProtocol: () => P,
  command: Command,
  options: SubprocessOptions,
): Promise<[SubprocessTransport, P]> {
  const bad = objectionToProgram("a subprocess", command, options);
  if (bad !== undefined) throw bad;
  const protocol = madeBy(makeProtocol);
  const child = new Subprocess(home, protocol);
  const spawning = child.spawn(command, options);
  // Not after the wait, which may go round by a turn of the loop: the child's output is there by then.
  spawning.then(
    (spawned) => child.began(spawned),
    () => {},
  );
  await opened(spawning, () => child.abort());
  return [child, protocol];
}

/** Waits for what the loop opens. Cancelled, it is given to `drop` as soon as it is there. */
async function opened<T>(opening: Promise<T>, drop: (late: T) => void): Promise<T> {
  try {
    return await until(opening);
  } catch (error) {
    if (error instanceof Cancelled) opening.then(drop, () => {});
    throw error;
  }
}

function addressOf(options: CreateServerOptions | CreateUnixServerOptions): Address {
  if ("path" in options) return { path: options.path };
  return { host: options.host ?? DEFAULT_HOST, port: options.port };
}

function portOptions({ reusePort, ipv6Only }: CreateServerOptions): { reusePort?: boolean; ipv6Only?: boolean } {
  return { ...(reusePort === undefined ? {} : { reusePort }), ...(ipv6Only === undefined ? {} : { ipv6Only }) };
}
