/**
 * Making a connection: the wait for `connectionMade`.
 *
 * Cancelled, the attempt is given up; if the network makes the connection all the same, it is aborted and no protocol hears of it.
 */
import type { ConnectOptions } from "../kernel/network.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import { Connection, type ConnectionKeeper } from "./connection.ts";
import type { Home } from "./home.ts";
import { madeBy } from "./made-protocol.ts";
import type { StreamProtocol, StreamTransport } from "./stream-protocol.ts";

export class ConnectWaiter<P extends StreamProtocol> extends Waiter<[StreamTransport, P]> implements ConnectionKeeper {
  readonly #home: Home;
  readonly #factory: () => P;
  #protocol: P | undefined;
  #state: "connecting" | "abandoned" | "settled" = "connecting";
  readonly #abandon: () => void;

  constructor(scope: ScopeNode, home: Home, factory: () => P, options: ConnectOptions) {
    super(scope);
    this.#home = home;
    this.#factory = factory;
    const connection = new Connection(home, home.context(), this);
    this.#abandon = home.outside(() => home.loop.network.connect(options, connection), undefined);
  }

  protocolFor(): StreamProtocol {
    if (this.#state === "abandoned") throw new Error("nobody waits for this connection any more");
    this.#protocol = madeBy(this.#factory);
    return this.#protocol;
  }

  made(connection: Connection): void {
    this.#home.open(connection);
    // Cut short by the protocol's `connectionMade` itself.
    if (this.#state === "abandoned") {
      connection.abort();
      return;
    }
    this.#state = "settled";
    this.wake([connection, this.#protocol as P]);
  }

  failed(error: Error | undefined): void {
    if (this.#state !== "connecting") return;
    this.#state = "settled";
    this.fail(() => error ?? new Error("the connection was closed before it was made"));
  }

  lost(connection: Connection): void {
    this.#home.gone(connection);
  }

  protected override abandoned(): void {
    this.#state = "abandoned";
    this.#abandon();
  }
}
