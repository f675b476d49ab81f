/**
 * An endpoint for datagrams in memory.
 *
 * `open` until it is closed, `flushing` until what it was given has left, then `closed`; the protocol hears of that a turn later, once.
 */
import type { SocketAddress } from "../../kernel/addresses.ts";
import type { DatagramProtocol, DatagramTransport } from "../../kernel/datagrams.ts";
import { systemError } from "../../kernel/system-error.ts";
import { ReceiveQueue } from "../receive-queue.ts";
import { type Bound, familyOf, isMulticast } from "./reach.ts";

const HIGH_WATER_BYTES = 64 * 1024;
/** What fits into a packet of the internet protocols besides the headers. */
const LARGEST_BYTES = { 4: 65_507, 6: 65_527 };

/** What the exchange knows of an endpoint. */
export interface Endpoint extends Bound {
  readonly remote: SocketAddress | undefined;
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  readonly broadcast: boolean;
  transport?: MemoryDatagrams;
}

/** What an endpoint asks of the exchange. */
interface Wire {
  /** Throws what the system would say. */
  send(bytes: Uint8Array, to: SocketAddress): void;
  closed(): void;
}

interface Outgoing {
  readonly bytes: Uint8Array;
  readonly to: SocketAddress | undefined;
}

export class MemoryDatagrams implements DatagramTransport {
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress | undefined;
  readonly #protocol: DatagramProtocol;
  readonly #later: (callback: () => void) => void;
  readonly #wire: Wire;
  readonly #queue: ReceiveQueue;
  readonly #groups = new Set<string>();
  #outgoing: Outgoing[] = [];
  #bufferedBytes = 0;
  #isDepartureDue = false;
  #isFull = false;
  #loopsBack = true;
  #state: "open" | "flushing" | "closed" = "open";

  constructor(endpoint: Endpoint, protocol: DatagramProtocol, later: (callback: () => void) => void, wire: Wire) {
    this.localAddress = { host: endpoint.host, port: endpoint.port };
    this.remoteAddress = endpoint.remote;
    this.#protocol = protocol;
    this.#later = later;
    this.#wire = wire;
    this.#queue = new ReceiveQueue((bytes, from) => {
      if (this.#state === "open") protocol.datagramReceived(bytes, from);
    }, later);
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** This machine's members of a group get what it sends there. */
  get loopsBack(): boolean {
    return this.#loopsBack;
  }

  sendTo(bytes: Uint8Array, to?: SocketAddress): void {
    if (this.#state !== "open") return;
    this.#outgoing.push({ bytes, to });
    this.#bufferedBytes += bytes.length;
    this.#departLater();
    if (this.#isFull || this.#bufferedBytes <= HIGH_WATER_BYTES) return;
    this.#isFull = true;
    this.#protocol.pauseWriting();
  }

  joinGroup(group: string, interfaceAddress = ""): void {
    if (!isMulticast(group)) throw systemError("EINVAL", "addMembership", { path: group });
    const membership = membershipOf(group, interfaceAddress);
    if (this.#groups.has(membership)) throw systemError("EADDRINUSE", "addMembership", { path: group });
    this.#groups.add(membership);
  }

  leaveGroup(group: string, interfaceAddress = ""): void {
    if (!this.#groups.delete(membershipOf(group, interfaceAddress))) {
      throw systemError("EADDRNOTAVAIL", "dropMembership", { path: group });
    }
  }

  isMember(group: string): boolean {
    return [...this.#groups].some((membership) => membership.startsWith(membershipOf(group, "")));
  }

  /** There are no routers and no interfaces here. */
  setMulticast({ loopback }: { readonly loopback?: boolean }): void {
    this.#loopsBack = loopback ?? this.#loopsBack;
  }

  pauseReading(): void {
    this.#queue.pause();
  }

  resumeReading(): void {
    this.#queue.resume();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "flushing";
    this.#queue.clear();
    this.#departLater();
  }

  abort(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#outgoing = [];
    this.#bufferedBytes = 0;
    this.#queue.clear();
    this.#wire.closed();
    this.#later(() => this.#protocol.connectionLost(undefined));
  }

  received(bytes: Uint8Array, from: SocketAddress): void {
    if (this.#state === "open") this.#queue.push(bytes, from);
  }

  refused(error: Error): void {
    if (!this.#isClosed) this.#protocol.errorReceived(error);
  }

  #departLater(): void {
    if (this.#isDepartureDue) return;
    this.#isDepartureDue = true;
    this.#later(() => this.#depart());
  }

  #depart(): void {
    this.#isDepartureDue = false;
    for (let next = this.#outgoing.shift(); next !== undefined; next = this.#outgoing.shift()) {
      this.#bufferedBytes -= next.bytes.length;
      try {
        this.#wire.send(next.bytes, this.#check(next));
      } catch (error) {
        this.refused(error as Error);
      }
    }
    if (this.#state === "flushing") this.abort();
    if (!this.#isFull || this.#isClosed) return;
    this.#isFull = false;
    this.#protocol.resumeWriting();
  }

  /** Where it goes; throws what the system would say. */
  #check({ bytes, to }: Outgoing): SocketAddress {
    const peer = this.remoteAddress;
    const target = to ?? peer;
    if (target === undefined) throw systemError("EDESTADDRREQ", "send");
    if (peer !== undefined && (peer.host !== target.host || peer.port !== target.port)) {
      throw systemError("EISCONN", "send", target);
    }
    if (bytes.length > LARGEST_BYTES[familyOf(this.localAddress.host) ?? 4])
      throw systemError("EMSGSIZE", "send", target);
    return target;
  }

  /** Asked anew after a protocol was called, which may have closed it. */
  get #isClosed(): boolean {
    return this.#state === "closed";
  }
}

function membershipOf(group: string, interfaceAddress: string): string {
  return `${group} ${interfaceAddress}`;
}
