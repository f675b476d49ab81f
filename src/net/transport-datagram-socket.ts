/**
 * Datagrams as waiting functions, over the callbacks of the network port.
 *
 * What is known
 *   receiving   datagrams that nobody has received yet, up to a limit; what comes beyond it is dropped and counted, as the network would
 *   sending     whether the transport asked to pause; who waits to send then, in order
 *   an error    the last one that the system told and nobody was told yet; the next call takes it, where nobody is connected the next `send`
 *   the end     `isClosed` (this side), `lost` (the endpoint is gone, and why)
 *
 * Precedence of outcomes: closed on this side, then a datagram, then an error, then a lost endpoint. Any number of tasks may send and receive at
 * once: a datagram is whole, so nothing can be mixed up, and each one received goes to one task, the one that has waited longest.
 */
import { formatAddress, type SocketAddress } from "../kernel/addresses.ts";
import { notBytes } from "../kernel/check-bytes.ts";
import { describe } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import type { DatagramProtocol, DatagramTransport } from "../kernel/datagrams.ts";
import { disposed } from "../kernel/dispose.ts";
import { BrokenError, ClosedError } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { DatagramBuffer } from "./datagram-buffer.ts";
import { type DatagramError, DatagramTooLargeError, datagramError } from "./datagram-errors.ts";
import type { Datagram, DatagramSocket, MulticastOptions } from "./datagram-socket.ts";
import { checkHost, checkPort, familyOf } from "./hosts.ts";
import { UntilClosed } from "./until-closed.ts";

/** The most bytes in a datagram, by the 16 bits of its length less the headers. */
const MAX_BYTES = { 4: 65_507, 6: 65_527 } as const;

export class TransportDatagramSocket implements DatagramSocket, DatagramProtocol {
  readonly #buffer: DatagramBuffer;
  #transport: DatagramTransport | undefined;
  #isWritingPaused = false;
  #isClosed = false;
  #error: Error | undefined;
  #lost: { readonly cause: Error | undefined } | undefined;
  readonly #receivers = new WaitQueue<Waiter<Datagram>>();
  readonly #senders = new WaitQueue<SendWaiter>();
  readonly #closers = new WaitQueue<CloseWaiter>();

  constructor(maxBufferedBytes: number) {
    this.#buffer = new DatagramBuffer(maxBufferedBytes);
  }

  get localAddress(): SocketAddress {
    return this.#connected.localAddress;
  }

  get remoteAddress(): SocketAddress | undefined {
    return this.#connected.remoteAddress;
  }

  get droppedCount(): number {
    return this.#buffer.droppedCount;
  }

  send(bytes: Uint8Array, to?: SocketAddress): Promise<void> {
    const bad = checkSend(bytes, to);
    if (bad !== undefined) return Promise.reject(bad);
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.send(bytes, to));
    const refusal = this.#refusalToSend(bytes, to);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (!this.#isWritingPaused) {
      this.#connected.sendTo(bytes, to);
      return DONE;
    }
    const waiter = new SendWaiter(scope, bytes, to);
    this.#senders.push(waiter);
    return waiter.promise;
  }

  receive(): Promise<Datagram> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.receive());
    if (this.#isClosed) return Promise.reject(closedHere("receive from"));
    const datagram = this.#buffer.shift();
    if (datagram !== undefined) return Promise.resolve(datagram);
    const error = this.#isConnected ? this.#takeError() : undefined;
    if (error !== undefined) return Promise.reject(error);
    if (this.#lost !== undefined) return Promise.reject(this.#broken("receive from"));
    const waiter = new Waiter<Datagram>(scope);
    this.#receivers.push(waiter);
    return waiter.promise;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Datagram, undefined> {
    return new UntilClosed(() => this.receive());
  }

  joinGroup(group: string, interfaceAddress?: string): void {
    this.#control(`join ${group}`, (transport) => transport.joinGroup(group, interfaceAddress));
  }

  leaveGroup(group: string, interfaceAddress?: string): void {
    this.#control(`leave ${group}`, (transport) => transport.leaveGroup(group, interfaceAddress));
  }

  setMulticast(options: MulticastOptions): void {
    this.#control("set multicast", (transport) => transport.setMulticast(options));
  }

  close(): Promise<void> {
    const scope = currentNode();
    this.#closeHere();
    this.#connected.close();
    const isDetour = mustDetour(scope);
    // Cancelled before, or overdue by now.
    if (scope.cancelledBy !== null) this.abort();
    if (isDetour) return detour(scope, () => this.close());
    if (this.#lost !== undefined) return DONE;
    const waiter = new CloseWaiter(scope, this);
    this.#closers.push(waiter);
    return waiter.promise;
  }

  abort(): void {
    this.#closeHere();
    this.#connected.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  // The protocol: called by the transport.

  connectionMade(transport: DatagramTransport): void {
    this.#transport = transport;
  }

  datagramReceived(bytes: Uint8Array, from: SocketAddress): void {
    if (this.#isClosed) return;
    const receiver = this.#receivers.shift();
    if (receiver === undefined) this.#buffer.push({ bytes, from });
    else receiver.wake({ bytes, from });
  }

  errorReceived(error: Error): void {
    if (this.#isClosed) return;
    const waiter = (this.#isConnected ? this.#receivers.shift() : undefined) ?? this.#senders.shift();
    if (waiter === undefined) this.#error = error;
    else waiter.fail(() => datagramError(this.#place, error));
  }

  connectionLost(cause: Error | undefined): void {
    this.#lost = { cause };
    failAll(this.#receivers, () => this.#broken("receive from"));
    failAll(this.#senders, () => this.#broken("send from"));
    for (let closer = this.#closers.shift(); closer !== undefined; closer = this.#closers.shift()) closer.wake();
  }

  pauseWriting(): void {
    this.#isWritingPaused = true;
  }

  resumeWriting(): void {
    this.#isWritingPaused = false;
    while (!this.#isWritingPaused) {
      const sender = this.#senders.shift();
      if (sender === undefined) return;
      this.#connected.sendTo(sender.bytes, sender.to);
      sender.wake();
    }
  }

  get #connected(): DatagramTransport {
    if (this.#transport === undefined) throw new Error("a socket is handed out only when its endpoint stands");
    return this.#transport;
  }

  get #isConnected(): boolean {
    return this.#connected.remoteAddress !== undefined;
  }

  /** What its messages call it. */
  get #place(): string {
    const { localAddress, remoteAddress } = this.#connected;
    return remoteAddress === undefined
      ? `datagrams at ${formatAddress(localAddress)}`
      : `datagrams to ${formatAddress(remoteAddress)}`;
  }

  #refusalToSend(bytes: Uint8Array, to: SocketAddress | undefined): Error | undefined {
    if (this.#isClosed) return closedHere("send to");
    const { localAddress, remoteAddress } = this.#connected;
    if (to !== undefined && remoteAddress !== undefined) {
      return new TypeError(`send: this socket is connected to ${formatAddress(remoteAddress)} and sends nowhere else`);
    }
    if (to === undefined && remoteAddress === undefined) {
      return new TypeError("send: expected an address, as this socket is not connected to one");
    }
    const badPort = to === undefined ? undefined : checkPort(to.port);
    if (badPort !== undefined) return badPort;
    const error = this.#takeError();
    if (error !== undefined) return error;
    if (this.#lost !== undefined) return this.#broken("send from");
    const maxBytes = MAX_BYTES[familyOf(localAddress.host) ?? 4];
    if (bytes.length <= maxBytes) return undefined;
    return new DatagramTooLargeError(
      `send: a datagram can have ${maxBytes} bytes, and this one has ${bytes.length}: send it in parts, or over TCP`,
      { maxBytes },
    );
  }

  #takeError(): DatagramError | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? undefined : datagramError(this.#place, error);
  }

  #control(what: string, act: (transport: DatagramTransport) => void): void {
    if (this.#isClosed) throw closedHere(what);
    try {
      act(this.#connected);
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error)) throw error;
      throw datagramError(what, error);
    }
  }

  #closeHere(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#buffer.clear();
    failAll(this.#receivers, () => closedHere("receive from"));
    failAll(this.#senders, () => closedHere("send to"));
  }

  #broken(doing: string): BrokenError {
    const cause = this.#lost?.cause;
    const why = cause === undefined ? "it was closed below" : cause.message;
    return new BrokenError(`${doing} ${formatAddress(this.localAddress)}: the endpoint was lost (${why})`, { cause });
  }

  static {
    printsAs(
      TransportDatagramSocket,
      (socket) => ({
        at: formatAddress(socket.localAddress),
        ...(socket.remoteAddress === undefined ? {} : { to: formatAddress(socket.remoteAddress) }),
        droppedCount: socket.droppedCount,
        isClosed: socket.#isClosed,
      }),
      "DatagramSocket",
    );
  }
}

function checkSend(bytes: Uint8Array, to: SocketAddress | undefined): TypeError | undefined {
  if (!(bytes instanceof Uint8Array)) return notBytes("send", bytes);
  if (to === undefined) return undefined;
  if (typeof to !== "object" || to === null)
    return new TypeError(`send: expected as address { host, port }, got ${describe(to)}`);
  return checkHost("send", to.host ?? null);
}

class SendWaiter extends Waiter<void> {
  readonly bytes: Uint8Array;
  readonly to: SocketAddress | undefined;

  constructor(scope: ScopeNode, bytes: Uint8Array, to: SocketAddress | undefined) {
    super(scope);
    this.bytes = bytes;
    this.to = to;
  }
}

class CloseWaiter extends Waiter<void> {
  readonly #socket: { abort(): void };

  constructor(scope: ScopeNode, socket: { abort(): void }) {
    super(scope);
    this.#socket = socket;
  }

  /** The patience to flush is over. */
  protected override abandoned(): void {
    this.#socket.abort();
  }
}

function failAll<T>(queue: WaitQueue<Waiter<T>>, make: () => Error): void {
  for (let waiter = queue.shift(); waiter !== undefined; waiter = queue.shift()) waiter.fail(make);
}

function closedHere(doing: string): ClosedError {
  return new ClosedError(`${doing} a datagram socket that this side has closed`);
}
