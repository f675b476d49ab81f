/**
 * Listening for TCP connections.
 *
 * Connections that were made and not accepted yet wait in a queue; their reading is bounded as that of every stream.
 */

import { type Address, formatAddress, type SocketAddress } from "../kernel/addresses.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { ClosedError } from "../kernel/errors.ts";
import type { AcceptHandler, NetworkListener, Protocol } from "../kernel/network.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentLoop, currentNode } from "../kernel/scope.ts";
import { shield } from "../kernel/scopes.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { SocketStream } from "../streams/byte-stream.ts";
import { ListenError } from "../streams/errors.ts";
import type { Listener } from "../streams/listener.ts";
import { TransportStream } from "../streams/transport-stream.ts";
import { DEFAULT_HOST } from "./tcp.ts";

export interface ListenTcpOptions {
  /** The address to listen on; by default this machine only. `"0.0.0.0"` and `"::"` are everybody. */
  readonly host?: string;
  /** 0 lets the system choose; `address.port` says which. */
  readonly port: number;
  /** How many connections the system may hold before they are accepted; by default 1024. */
  readonly backlog?: number;
}

/** Accepts TCP connections. */
export interface TcpListener extends Listener<SocketStream> {
  readonly address: SocketAddress;
}

/**
 * Listens on a TCP address. Always a checkpoint.
 *
 * @throws ListenError if the address cannot be had; its `cause` is the system's error.
 */
export function listen(options: ListenTcpOptions): Promise<TcpListener> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => listen(options));
  const address = { host: options.host ?? DEFAULT_HOST, port: options.port };
  return quietly(async () => {
    const listener = new StreamListener<SocketAddress>();
    const backlog = options.backlog === undefined ? {} : { backlog: options.backlog };
    try {
      listener.began(await currentLoop().network.listen({ address, ...backlog }, listener));
    } catch (cause) {
      throw new ListenError(`listen on ${formatAddress(address)}: ${explain(cause)}`, { cause });
    }
    return listener;
  });
}

export class StreamListener<A extends Address> implements Listener<TransportStream<A>>, AcceptHandler {
  readonly #queue: TransportStream<A>[] = [];
  readonly #accepting = new WaitQueue<Waiter<TransportStream<A>>>();
  readonly #loop = currentLoop();
  #listener: NetworkListener | undefined;
  #isClosed = false;

  get address(): A {
    return (this.#listener as NetworkListener).address as A;
  }

  accept(): Promise<TransportStream<A>> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.accept());
    if (this.#isClosed) return Promise.reject(closedListener());
    const stream = this.#queue.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    const waiter = new Waiter<TransportStream<A>>(scope);
    this.#accepting.push(waiter);
    return waiter.promise;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TransportStream<A>, void, undefined> {
    for (;;) {
      let stream: TransportStream<A>;
      try {
        stream = await this.accept();
      } catch (error) {
        if (error instanceof ClosedError) return;
        throw error;
      }
      yield stream;
    }
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      for (let next = this.#accepting.shift(); next !== undefined; next = this.#accepting.shift())
        next.fail(closedListener);
      for (const stream of this.#queue.splice(0)) stream.abort();
    }
    await shield(async () => this.#listener?.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // The handler: called by the network.

  began(listener: NetworkListener): void {
    this.#listener = listener;
  }

  accepted(): Protocol {
    return new TransportStream<A>((stream) => {
      const waiter = this.#accepting.shift();
      if (waiter !== undefined) waiter.wake(stream);
      else if (this.#isClosed) stream.abort();
      else this.#queue.push(stream);
    });
  }

  acceptFailed(error: Error): void {
    this.#loop.warn(
      `a connection could not be accepted, the listener goes on: ${error.message}`,
      "COPPICE_ACCEPT_FAILED",
    );
  }
}

function closedListener(): ClosedError {
  return new ClosedError("accept on a closed listener");
}

function explain(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  switch (code) {
    case "EADDRINUSE":
      return "the port is in use (EADDRINUSE): stop the program that has it, or choose another port";
    case "EACCES":
      return "this user may not listen there (EACCES): choose a port above 1023";
    case "EADDRNOTAVAIL":
      return "this machine does not have that address (EADDRNOTAVAIL)";
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
