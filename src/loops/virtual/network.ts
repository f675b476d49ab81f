/**
 * A network in memory with the contract of the real one: listeners by address and by path, byte streams with watermarks both ways,
 * half close, reset; datagrams in `datagrams.ts`. What one side writes arrives on a later turn of the loop.
 *
 * There is one machine, and it has every address. Names are in `hosts`; any other name stands for 127.0.0.1, except those under
 * `.invalid`, which nobody has. What goes wrong on real networks goes wrong here when a test says so: `hosts`, `routes`, `files`,
 * `acceptErrors`, `datagramFaults`.
 *
 * A listener takes what arrives at once, so a backlog has no meaning here; nor has the mode of a Unix socket's file.
 */

import type { Address, SocketAddress } from "../../kernel/addresses.ts";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../../kernel/datagrams.ts";
import { joinPair } from "../../kernel/memory-transport.ts";
import type {
  AcceptHandler,
  ConnectOptions,
  ListenOptions,
  Network,
  NetworkListener,
  Protocol,
  ResolvedAddress,
} from "../../kernel/network.ts";
import type { Timer } from "../../kernel/ports.ts";
import { systemError } from "../../kernel/system-error.ts";
import { DatagramExchange, type DatagramFaults } from "./datagrams.ts";
import { PortTable } from "./ports.ts";
import { type Bound, familyOf, writtenBy } from "./reach.ts";

/** What the network needs of its loop. */
export interface NetworkHost {
  /** Calls back on a later turn, in order. */
  readonly later: (callback: () => void) => void;
  after(ms: number, callback: () => void): Timer;
  random(): number;
}

/** How the way to an address is. */
export interface Route {
  /** How long a connection takes to be made, and a datagram to arrive, in virtual milliseconds; by default 0. `Infinity`: there is never an answer. */
  readonly latencyMs?: number;
  /** What attempts end with, such as `"EHOSTUNREACH"`, though somebody may listen there. */
  readonly fails?: string;
}

interface Listening extends Bound {
  readonly reusePort: boolean;
  readonly handler: AcceptHandler;
}

/** The network of a virtual loop, and what a test may say about it. */
export class MemoryNetwork implements Network {
  /** The addresses of names, in the order in which they would be tried; none: the name is not known. */
  readonly hosts: Map<string, readonly string[]> = new Map();
  /** The way to an address, where it is not the best one. Bytes of a connection that stands are not held up. */
  readonly routes: Map<string, Route> = new Map();
  /** What is at a path besides those who listen: the name of a socket whose owner was killed, or another file. */
  readonly files: Map<string, "socket" | "file"> = new Map();
  /** What the next accepts fail with, in order, such as `"EMFILE"`; the connection is made, and reset. */
  readonly acceptErrors: string[] = [];
  /** How often datagrams are lost, doubled and put off. */
  readonly datagramFaults: DatagramFaults = { loss: 0, duplication: 0, reordering: 0 };

  readonly #host: NetworkHost;
  readonly #ports = new PortTable<Listening>((a, b) => a.reusePort && b.reusePort);
  readonly #paths = new Map<string, AcceptHandler>();
  readonly #exchange: DatagramExchange;

  constructor(host: NetworkHost) {
    this.#host = host;
    this.#exchange = new DatagramExchange(host, this);
  }

  connect({ address, localHost }: ConnectOptions, protocol: Protocol): () => void {
    let isOver = false;
    let timer: Timer | undefined;
    const tryNext = ([way, ...others]: readonly Way[]): void => {
      const { latencyMs = 0 } = way?.route ?? {};
      const arrived = (): void => {
        if (isOver) return;
        const refusal = way?.join();
        isOver = refusal === undefined || others.length === 0;
        if (!isOver) tryNext(others);
        else if (refusal !== undefined) protocol.connectionLost(refusal);
      };
      if (latencyMs === 0) this.#host.later(arrived);
      else if (latencyMs !== Infinity) timer = this.#host.after(latencyMs, arrived);
    };
    tryNext("path" in address ? [this.#wayToPath(address.path, protocol)] : this.#waysTo(address, protocol, localHost));
    return () => {
      if (isOver) return;
      isOver = true;
      timer?.cancel();
      this.#host.later(() => protocol.connectionLost(undefined));
    };
  }

  async listen(options: ListenOptions, handler: AcceptHandler): Promise<NetworkListener> {
    const { address } = options;
    if ("path" in address) return this.#listenAt(address.path, handler);
    const { address: host } = this.addressesOf(address.host)[0]!;
    const port = address.port === 0 ? this.#ports.freePort() : address.port;
    const { ipv6Only = false, reusePort = false } = options;
    const listening: Listening = { host, port, ipv6Only, reusePort, handler };
    if (!this.#ports.add(listening)) throw systemError("EADDRINUSE", "listen", { host, port });
    return {
      address: { host, port },
      close: async (): Promise<void> => this.#ports.remove(listening),
    };
  }

  async resolve(host: string): Promise<readonly ResolvedAddress[]> {
    return this.addressesOf(host);
  }

  async openDatagrams(options: DatagramOptions, protocol: DatagramProtocol): Promise<DatagramTransport> {
    return this.#exchange.open(options, protocol);
  }

  async unlink(path: string): Promise<void> {
    if (this.files.get(path) === "file") throw systemError("ENOTSOCK", "unlink", { path });
    if (!this.files.delete(path) && !this.#paths.delete(path)) throw systemError("ENOENT", "unlink", { path });
  }

  /** At least one; throws the system's error. */
  addressesOf(host: string): readonly ResolvedAddress[] {
    const family = familyOf(host);
    if (family !== undefined) return [{ address: host, family }];
    const isUnknown = host === "" || host.endsWith(".invalid");
    const found = this.hosts.get(host) ?? (isUnknown ? [] : ["127.0.0.1"]);
    if (found.length === 0) throw systemError("ENOTFOUND", "getaddrinfo", { path: host });
    return found.map((address) => ({ address, family: familyOf(address) ?? 4 }));
  }

  #listenAt(path: string, handler: AcceptHandler): NetworkListener {
    if (this.#paths.has(path) || this.files.has(path)) throw systemError("EADDRINUSE", "listen", { path });
    this.#paths.set(path, handler);
    return {
      address: { path },
      close: async (): Promise<void> => {
        if (this.#paths.get(path) === handler) this.#paths.delete(path);
      },
    };
  }

  #wayToPath(path: string, protocol: Protocol): Way {
    const join = (): Error | undefined => {
      const handler = this.#paths.get(path);
      if (handler === undefined) {
        return systemError(this.files.has(path) ? "ECONNREFUSED" : "ENOENT", "connect", { path });
      }
      this.#accept(handler, protocol, { path: "" }, { path });
      return undefined;
    };
    return { route: {}, join };
  }

  #waysTo({ host, port }: SocketAddress, protocol: Protocol, localHost: string | undefined): readonly Way[] {
    let addresses: readonly ResolvedAddress[];
    try {
      addresses = this.addressesOf(host);
    } catch (error) {
      return [{ route: {}, join: () => error as Error }];
    }
    return addresses.map(({ address }) => {
      const route = this.routes.get(address) ?? {};
      const join = (): Error | undefined => {
        const listening = this.#ports.pick(address, port);
        const remote = { host: address, port };
        if (route.fails !== undefined || listening === undefined) {
          return systemError(route.fails ?? "ECONNREFUSED", "connect", remote);
        }
        const local = { host: localHost ?? address, port: this.#ports.freePort() };
        this.#accept(listening.handler, protocol, local, remote, listening);
        return undefined;
      };
      return { route, join };
    });
  }

  #accept(handler: AcceptHandler, client: Protocol, local: Address, remote: Address, listening?: Listening): void {
    const failure = this.acceptErrors.shift();
    if (failure !== undefined) handler.acceptFailed(systemError(failure, "accept", remote));
    const server = failure === undefined ? handler.accepted() : RESET;
    const written = (address: Address): Address =>
      listening === undefined || "path" in address
        ? address
        : { host: writtenBy(listening, address.host), port: address.port };
    joinPair(client, server, local, remote, this.#host.later, written);
  }
}

/** One of the addresses to try. */
interface Way {
  readonly route: Route;
  /** Connects, or says why not. */
  join(): Error | undefined;
}

/** The server's side of a connection that could not be accepted. */
const RESET: Protocol = {
  connectionMade: (transport) => transport.abort(),
  dataReceived() {},
  eofReceived() {},
  connectionLost() {},
  pauseWriting() {},
  resumeWriting() {},
};
