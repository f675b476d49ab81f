/**
 * One attempt to connect, below the waits: it is under way until it stood, failed or was given up, and tells of the first two.
 *
 * A connection that stands after the attempt was given up (in the very same moment) is aborted, so nothing is left behind.
 */
import type { Address } from "../kernel/addresses.ts";
import type { ConnectOptions, Network } from "../kernel/network.ts";
import { TransportStream } from "../streams/transport-stream.ts";

/** Who is told how an attempt went: one of the two, once. */
export interface AttemptOutcome<A extends Address> {
  made(stream: TransportStream<A>): void;
  failed(cause: Error | undefined): void;
}

export class Attempt<A extends Address> {
  #isOver = false;
  #giveUp: (() => void) | undefined;

  constructor(network: Network, options: ConnectOptions, outcome: AttemptOutcome<A>) {
    const protocol = new TransportStream<A>(
      (stream) => {
        if (this.#isOver) stream.abort();
        else {
          this.#isOver = true;
          outcome.made(stream);
        }
      },
      (cause) => {
        if (this.#isOver) return;
        this.#isOver = true;
        outcome.failed(cause);
      },
    );
    this.#giveUp = network.connect(options, protocol);
  }

  /** Once it is over, that does nothing. */
  giveUp(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#giveUp?.();
  }
}
