/**
 * A server of an event loop: it makes a protocol for each connection that comes. After asyncio's `Server`, as of Python 3.12.
 *
 *   serving --close--> closed: accepts no more; connections go on --the last connection has ended--> `waitClosed` settles
 */
import type { Address } from "../kernel/addresses.ts";
import type { InContext } from "../kernel/ambient.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { disposed } from "../kernel/dispose.ts";
import { Cancelled } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import type { AcceptHandler, ListenOptions, NetworkListener, Protocol } from "../kernel/network.ts";
import { printsAs } from "../kernel/printed.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { Connection, type ConnectionKeeper } from "./connection.ts";
import type { Home, Resource } from "./home.ts";
import { madeBy } from "./made-protocol.ts";
import type { StreamProtocol } from "./stream-protocol.ts";

/** Accepts connections, each with a protocol of its own. Made by `createServer` and `createUnixServer`. */
export interface Server extends AsyncDisposable {
  /** Where it listens; nowhere once it is closed. */
  readonly addresses: readonly Address[];
  readonly isServing: boolean;
  /** How many connections of it are open. */
  readonly connections: number;
  /** Accepts no more. Connections that were made go on. Idempotent. */
  close(): void;
  /** Closes every connection in order, as `transport.close()`. */
  closeClients(): void;
  /** Ends every connection now, as `transport.abort()`. */
  abortClients(): void;
  /** Waits until the server is closed and every connection of it has ended. Always a checkpoint. */
  waitClosed(): Promise<void>;
  /** Waits until the server is closed; when this wait is cancelled, the server is. Always a checkpoint. */
  serveForever(): Promise<void>;
  /** `close`, then `waitClosed`. */
  [Symbol.asyncDispose](): Promise<void>;
}

export class ProtocolServer implements Server, AcceptHandler, ConnectionKeeper, Resource {
  static {
    printsAs(
      ProtocolServer,
      ({ addresses, connections, isServing }) => ({ addresses, connections, isServing }),
      "Server",
    );
  }

  readonly #home: Home;
  readonly #factory: () => StreamProtocol;
  readonly #inContext: InContext;
  readonly #open = new Set<Connection>();
  readonly #closing = new WaitQueue<Waiter<void>>();
  readonly #ending = new WaitQueue<Waiter<void>>();
  #listener: NetworkListener | undefined;
  #isClosed = false;
  #isAddressFree = true;

  constructor(home: Home, factory: () => StreamProtocol) {
    this.#home = home;
    this.#factory = factory;
    this.#inContext = home.context();
  }

  /** @throws the system's error by rejecting. */
  open(options: ListenOptions): Promise<NetworkListener> {
    return this.#home.outside(() => this.#home.loop.network.listen(options, this), undefined);
  }

  began(listener: NetworkListener): void {
    this.#listener = listener;
    this.#isAddressFree = false;
    this.#home.open(this);
  }

  get addresses(): readonly Address[] {
    return this.#isClosed || this.#listener === undefined ? [] : [this.#listener.address];
  }

  get isServing(): boolean {
    return !this.#isClosed;
  }

  get connections(): number {
    return this.#open.size;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (let waiter = this.#closing.shift(); waiter !== undefined; waiter = this.#closing.shift()) waiter.wake();
    if (this.#listener === undefined) this.#look();
    else this.#free(this.#listener);
  }

  closeClients(): void {
    for (const connection of [...this.#open]) connection.close();
  }

  abortClients(): void {
    for (const connection of [...this.#open]) connection.abort();
  }

  /** All of it: for the end of the loop. */
  abort(): void {
    this.close();
    this.abortClients();
  }

  waitClosed(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.waitClosed());
    if (this.#hasEnded) return DONE;
    const waiter = new Waiter<void>(scope);
    this.#ending.push(waiter);
    return waiter.promise;
  }

  serveForever(): Promise<void> {
    return quietly(async () => {
      try {
        await this.#whenClosing();
      } catch (error) {
        if (error instanceof Cancelled) this.close();
        throw error;
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return disposed(this.waitClosed());
  }

  #whenClosing(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.#whenClosing());
    if (this.#isClosed) return DONE;
    const waiter = new Waiter<void>(scope);
    this.#closing.push(waiter);
    return waiter.promise;
  }

  get #hasEnded(): boolean {
    return this.#isClosed && this.#isAddressFree && this.#open.size === 0;
  }

  #free(listener: NetworkListener): void {
    void listener.close().then(() => {
      this.#isAddressFree = true;
      this.#look();
    });
  }

  #look(): void {
    if (!this.#hasEnded) return;
    this.#home.gone(this);
    for (let waiter = this.#ending.shift(); waiter !== undefined; waiter = this.#ending.shift()) waiter.wake();
  }

  // Called by the network.

  accepted(): Protocol {
    return new Connection(this.#home, this.#inContext, this);
  }

  acceptFailed(error: Error): void {
    this.#home.exceptions.report({
      message: "a connection could not be accepted, the server goes on",
      error,
      source: this,
    });
  }

  // Called by the connections.

  protocolFor(connection: Connection): StreamProtocol {
    const protocol = madeBy(this.#factory);
    this.#open.add(connection);
    return protocol;
  }

  made(): void {}

  failed(error: Error | undefined): void {
    if (error === undefined) return;
    this.#home.exceptions.report({
      message: "the protocol of a connection could not be made: the connection is aborted",
      error,
      source: this,
    });
  }

  lost(connection: Connection): void {
    this.#open.delete(connection);
    this.#look();
  }
}
