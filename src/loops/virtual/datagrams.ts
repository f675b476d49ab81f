/**
 * Datagrams in memory: between the endpoints of one machine, in order and without loss unless a test asks for faults, which are
 * then drawn from the loop's seed. What is sent arrives on a later turn; what an endpoint sent in one turn leaves together.
 *
 * As on a real network: nobody at the port is told to an endpoint that has a peer, and to no other; what a paused endpoint does
 * not take is kept up to a bound and dropped beyond (`ReceiveQueue`); a group's members are those who joined it.
 */
import type { SocketAddress } from "../../kernel/addresses.ts";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../../kernel/datagrams.ts";
import type { ResolvedAddress } from "../../kernel/network.ts";
import { systemError } from "../../kernel/system-error.ts";
import { type Endpoint, MemoryDatagrams } from "./datagram-endpoint.ts";
import { PortTable } from "./ports.ts";
import { anyOf, type Family, familyOf, isAny, isBroadcast, isMulticast, writtenBy } from "./reach.ts";

/** How often something happens to a datagram: 0 is never, 1 each time. */
export interface DatagramFaults {
  /** It does not arrive. */
  loss: number;
  /** It arrives twice. */
  duplication: number;
  /** It arrives after those that were sent in the same turn. */
  reordering: number;
}

/** What datagrams need of the loop. */
interface Host {
  readonly later: (callback: () => void) => void;
  after(ms: number, callback: () => void): unknown;
  random(): number;
}

/** What datagrams need to know of the network. */
interface Surroundings {
  readonly datagramFaults: DatagramFaults;
  readonly routes: ReadonlyMap<string, { readonly latencyMs?: number; readonly fails?: string }>;
  addressesOf(host: string): readonly ResolvedAddress[];
}

export class DatagramExchange {
  readonly #host: Host;
  readonly #surroundings: Surroundings;
  readonly #ports = new PortTable<Endpoint>(
    (a, b) => (a.reuseAddress && b.reuseAddress) || (a.reusePort && b.reusePort),
  );

  constructor(host: Host, surroundings: Surroundings) {
    this.#host = host;
    this.#surroundings = surroundings;
  }

  /** Throws the system's error. */
  open(options: DatagramOptions, protocol: DatagramProtocol): DatagramTransport {
    const remote = options.remote && this.#resolve(options.remote, familyIn(options.local) ?? options.family ?? 4);
    const local = options.local && this.#resolve(options.local, familyIn(remote) ?? options.family ?? 4);
    const family = familyIn(local) ?? familyIn(remote) ?? options.family ?? 4;
    // One that has a peer and no address of its own gets that which the system would send from.
    const host = local?.host ?? remote?.host ?? anyOf(family);
    const port = local === undefined || local.port === 0 ? this.#ports.freePort() : local.port;
    const { reuseAddress = false, reusePort = false, broadcast = false } = options;
    const endpoint: Endpoint = { host, port, ipv6Only: false, remote, reuseAddress, reusePort, broadcast };
    const transport = new MemoryDatagrams(endpoint, protocol, this.#host.later, {
      send: (bytes, to) => this.#send(endpoint, bytes, to),
      closed: () => this.#ports.remove(endpoint),
    });
    endpoint.transport = transport;
    if (!this.#ports.add(endpoint)) throw systemError("EADDRINUSE", "bind", { host, port });
    protocol.connectionMade(transport);
    return transport;
  }

  /** The address of a name in that family; if it has none there, its first one. */
  #resolve({ host, port }: SocketAddress, family: Family): SocketAddress {
    const found = this.#surroundings.addressesOf(host);
    return { host: (found.find((one) => one.family === family) ?? found[0]!).address, port };
  }

  /** Throws what the system would say. */
  #send(from: Endpoint, bytes: Uint8Array, wanted: SocketAddress): void {
    const family = familyOf(from.host) ?? 4;
    const to = this.#resolve(wanted, family);
    if (familyOf(to.host) !== family) throw systemError("EINVAL", "send", to);
    if (isBroadcast(to.host) && !from.broadcast) throw systemError("EACCES", "send", to);
    const { latencyMs = 0, fails } = this.#surroundings.routes.get(to.host) ?? {};
    if (fails !== undefined) throw systemError(fails, "send", to);
    const { loss, duplication, reordering } = this.#surroundings.datagramFaults;
    if (latencyMs === Infinity || this.#happens(loss)) return;
    const copies = this.#happens(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const arrives = (): void => this.#arrive(from, bytes, to);
      if (latencyMs > 0) this.#host.after(latencyMs, arrives);
      else if (this.#happens(reordering)) this.#host.later(arrives);
      else arrives();
    }
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#host.random() < probability;
  }

  #arrive(from: Endpoint, bytes: Uint8Array, to: SocketAddress): void {
    const receivers = this.#receiversOf(from, to);
    // Each has its own copy: the bytes belong to whoever receives them.
    for (const receiver of receivers) {
      const host = isAny(from.host) ? sourceFor(to.host) : from.host;
      receiver.transport?.received(bytes.slice(), { host: writtenBy(receiver, host), port: from.port });
    }
    if (receivers.length === 0 && from.remote !== undefined) {
      from.transport?.refused(systemError("ECONNREFUSED", "recv", to));
    }
  }

  #receiversOf(from: Endpoint, { host, port }: SocketAddress): readonly Endpoint[] {
    const here = this.#ports.at(port);
    if (isMulticast(host)) {
      return from.transport?.loopsBack === true ? here.filter((one) => one.transport?.isMember(host) === true) : [];
    }
    if (isBroadcast(host)) return here.filter((one) => one.host === "0.0.0.0" && one.remote === undefined);
    const isPeer = ({ remote }: Endpoint): boolean =>
      remote?.port === from.port && (remote.host === from.host || isAny(from.host));
    const receiver =
      this.#ports.pick(host, port, isPeer) ?? this.#ports.pick(host, port, ({ remote }) => remote === undefined);
    return receiver === undefined ? [] : [receiver];
  }
}

function familyIn(address: SocketAddress | undefined): Family | undefined {
  return address && familyOf(address.host);
}

/** Where a datagram comes from that was sent to `host` from every address: the machine talks to itself. */
function sourceFor(host: string): string {
  if (familyOf(host) === 6) return isMulticast(host) ? "::1" : host;
  return isMulticast(host) || isBroadcast(host) ? "127.0.0.1" : host;
}
