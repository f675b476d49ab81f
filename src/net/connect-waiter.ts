/** The wait for one connection to one address. */
import type { Address } from "../kernel/addresses.ts";
import type { ConnectOptions } from "../kernel/network.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { ConnectError } from "../streams/errors.ts";
import type { TransportStream } from "../streams/transport-stream.ts";
import { Attempt, type AttemptOutcome } from "./attempt.ts";

/** Abandoned, it gives the attempt up. `explain` makes the error of a failed one. */
export class ConnectWaiter<A extends Address> extends Waiter<TransportStream<A>> implements AttemptOutcome<A> {
  readonly #attempt: Attempt<A>;
  readonly #explain: (cause: Error | undefined) => ConnectError;

  constructor(scope: ScopeNode, options: ConnectOptions, explain: (cause: Error | undefined) => ConnectError) {
    super(scope);
    this.#explain = explain;
    this.#attempt = new Attempt(scope.loop.network, options, this);
  }

  made(stream: TransportStream<A>): void {
    this.wake(stream);
  }

  failed(cause: Error | undefined): void {
    this.fail(() => this.#explain(cause));
  }

  protected override abandoned(): void {
    this.#attempt.giveUp();
  }
}
