/**
 * A datagram endpoint between the network and the user's `EndpointProtocol`: the guard before the user's callbacks and the
 * transport that the user is given, as `connection.ts` is for connections.
 */
import type { SocketAddress } from "../kernel/addresses.ts";
import type { InContext } from "../kernel/ambient.ts";
import { notBytes } from "../kernel/check-bytes.ts";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../kernel/datagrams.ts";
import { instruments } from "../kernel/instrument.ts";
import { objectionToDestination } from "./check-options.ts";
import type { EndpointProtocol, EndpointTransport } from "./endpoint-protocol.ts";
import type { Home, Resource } from "./home.ts";

/** A function and not a method, as that is what a context calls. */
let guarded: (endpoint: Endpoint, name: string, call: () => void) => void;

export class Endpoint implements DatagramProtocol, EndpointTransport, Resource {
  readonly #home: Home;
  readonly #inContext: InContext;
  readonly #protocol: EndpointProtocol;
  #transport: DatagramTransport | undefined;
  #isClosed = false;
  #isAborting = false;
  #fatal: Error | undefined;

  constructor(home: Home, protocol: EndpointProtocol) {
    this.#home = home;
    this.#inContext = home.context();
    this.#protocol = protocol;
  }

  /** @throws the system's error by rejecting. */
  open(options: DatagramOptions): Promise<unknown> {
    return this.#home.outside(() => this.#home.loop.network.openDatagrams(options, this), undefined);
  }

  // The protocol: called by the network.

  connectionMade(transport: DatagramTransport): void {
    this.#transport = transport;
    this.#home.open(this);
    instruments.debug?.made(this);
    this.#call("connectionMade", (protocol) => protocol.connectionMade(this));
  }

  datagramReceived(bytes: Uint8Array, from: SocketAddress): void {
    if (!this.#isClosed) this.#call("datagramReceived", (protocol) => protocol.datagramReceived(bytes, from));
  }

  errorReceived(error: Error): void {
    if (!this.#isClosed) this.#call("errorReceived", (protocol) => protocol.errorReceived(error));
  }

  connectionLost(error: Error | undefined): void {
    this.#isClosed = true;
    if (this.#isAborting) this.#home.loop.afterTurn(() => this.#lost(error));
    else this.#lost(error);
  }

  pauseWriting(): void {
    this.#call("pauseWriting", (protocol) => protocol.pauseWriting());
  }

  resumeWriting(): void {
    this.#call("resumeWriting", (protocol) => protocol.resumeWriting());
  }

  #lost(error: Error | undefined): void {
    this.#call("connectionLost", (protocol) => protocol.connectionLost(this.#fatal ?? error));
    this.#home.gone(this);
  }

  #call(name: string, call: (protocol: EndpointProtocol) => void): void {
    this.#inContext(guarded, this, name, () => call(this.#protocol));
  }

  static {
    guarded = (endpoint, name, call) => {
      const { debug } = instruments;
      debug?.enter(endpoint.#home.loop, () => endpoint.#nameOf(name), endpoint);
      try {
        call();
      } catch (error) {
        endpoint.#threw(name, error);
      } finally {
        debug?.leave();
      }
    };
  }

  #threw(name: string, error: unknown): void {
    const isOver = name === "connectionLost";
    if (!isOver) {
      this.#fatal ??= error instanceof Error ? error : new Error(`${name} threw ${String(error)}`);
      this.abort();
    }
    const consequence = isOver ? "" : ": its endpoint is aborted";
    this.#home.exceptions.report({ message: `${this.#nameOf(name)} threw${consequence}`, error, source: this });
  }

  #nameOf(callback: string): string {
    return `${callback} of ${this.#protocol.constructor.name || "a protocol"}`;
  }

  // The transport: called by the user.

  get #raw(): DatagramTransport {
    return this.#transport as DatagramTransport;
  }

  get localAddress(): SocketAddress {
    return this.#raw.localAddress;
  }

  get remoteAddress(): SocketAddress | undefined {
    return this.#raw.remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#raw.bufferedBytes;
  }

  get isClosing(): boolean {
    return this.#isClosed;
  }

  sendTo(bytes: Uint8Array, to?: SocketAddress): void {
    if (!(bytes instanceof Uint8Array)) throw notBytes("sendTo", bytes);
    const bad = to === undefined ? undefined : objectionToDestination("sendTo", to);
    if (bad !== undefined) throw bad;
    if (!this.#isClosed) this.#raw.sendTo(bytes, to);
  }

  joinGroup(group: string, interfaceAddress?: string): void {
    this.#raw.joinGroup(group, interfaceAddress);
  }

  leaveGroup(group: string, interfaceAddress?: string): void {
    this.#raw.leaveGroup(group, interfaceAddress);
  }

  setMulticast(options: Parameters<DatagramTransport["setMulticast"]>[0]): void {
    this.#raw.setMulticast(options);
  }

  pauseReading(): void {
    this.#raw.pauseReading();
  }

  resumeReading(): void {
    this.#raw.resumeReading();
  }

  close(): void {
    this.#isClosed = true;
    this.#raw.close();
  }

  abort(): void {
    this.#isClosed = true;
    this.#isAborting = true;
    this.#raw.abort();
    this.#isAborting = false;
  }
}
