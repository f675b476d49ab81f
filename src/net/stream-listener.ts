/**
 * A listener over the network port, on one address or several.
 *
 * Connections that were made and not accepted yet wait in a queue, each with the bounded buffer of every stream. A loop need not be able to
 * leave them with the system (Node's cannot), so the queue has the limit of the system's: `backlog`. Beyond it they are refused.
 */
import { isAffairOfPeer } from "../kernel/accept-failures.ts";
import { type Address, formatAddress, type SocketAddress } from "../kernel/addresses.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { ClosedError } from "../kernel/errors.ts";
import type { AcceptHandler, NetworkListener, Protocol } from "../kernel/network.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentLoop, currentNode } from "../kernel/scope.ts";
import { shield } from "../kernel/scopes.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { Listener } from "../streams/listener.ts";
import { TransportStream } from "../streams/transport-stream.ts";
import { AcceptLog } from "./accept-log.ts";
import { UntilClosed } from "./until-closed.ts";

const BACKLOG = 1024;

export class StreamListener<A extends Address = SocketAddress> implements Listener<TransportStream<A>>, AcceptHandler {
  readonly #backlog: number;
  readonly #queue: TransportStream<A>[] = [];
  readonly #accepting = new WaitQueue<Waiter<TransportStream<A>>>();
  readonly #failures: AcceptLog;
  readonly #refusals: AcceptLog;
  readonly #listeners: NetworkListener[] = [];
  #isClosed = false;

  constructor(backlog: number = BACKLOG) {
    this.#backlog = backlog;
    this.#failures = new AcceptLog(currentLoop(), "COPPICE_ACCEPT_FAILED");
    this.#refusals = new AcceptLog(currentLoop(), "COPPICE_BACKLOG_FULL");
  }

  /** The first of its addresses. */
  get address(): A {
    return (this.#listeners[0] as NetworkListener).address as A;
  }

  get addresses(): readonly A[] {
    return this.#listeners.map(({ address }) => address as A);
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

  [Symbol.asyncIterator](): AsyncIterableIterator<TransportStream<A>, undefined> {
    return new UntilClosed(() => this.accept());
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      for (let next = this.#accepting.shift(); next !== undefined; next = this.#accepting.shift())
        next.fail(closedListener);
      for (const stream of this.#queue.splice(0)) stream.abort();
    }
    await shield(() => Promise.all(this.#listeners.map((listener) => listener.close())));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // The handler: called by the network.

  began(listener: NetworkListener): void {
    this.#listeners.push(listener);
  }

  accepted(): Protocol {
    return new TransportStream<A>((stream) => {
      const waiter = this.#accepting.shift();
      if (waiter !== undefined) waiter.wake(stream);
      else if (this.#isClosed) stream.abort();
      else if (this.#queue.length < this.#backlog) this.#queue.push(stream);
      else {
        stream.abort();
        this.#refusals.tell(
          `${this.#backlog} connections wait to be accepted, more are refused: accept sooner, or raise \`backlog\``,
        );
      }
    });
  }

  acceptFailed(error: Error): void {
    if (isAffairOfPeer(error)) return;
    this.#failures.tell(`a connection could not be accepted, the listener goes on: ${error.message}`);
  }

  static {
    printsAs(
      StreamListener,
      (listener) => ({
        addresses: listener.addresses.map(formatAddress),
        waiting: listener.#queue.length,
        isClosed: listener.#isClosed,
      }),
      "Listener",
    );
  }
}

function closedListener(): ClosedError {
  return new ClosedError("accept on a closed listener");
}
