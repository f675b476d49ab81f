/** The stream at this end of a child's pipe. */
import type { UnixAddress } from "../kernel/addresses.ts";
import type { Protocol, Transport } from "../kernel/network.ts";
import { TransportStream } from "../streams/transport-stream.ts";

export class PipeStream extends TransportStream<UnixAddress> {
  #transport: Transport | undefined;

  constructor() {
    super(() => {});
  }

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
    super.connectionMade(transport);
  }

  /** From now on, what comes is thrown away: a child that is being ended must not be blocked by what it has to say. */
  discard(): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    transport.protocol = new Discard(this);
    transport.resumeReading();
  }
}

class Discard implements Protocol {
  readonly #stream: Protocol;

  constructor(stream: Protocol) {
    this.#stream = stream;
  }

  connectionMade(): void {}

  dataReceived(): void {}

  eofReceived(): void {
    this.#stream.eofReceived();
  }

  connectionLost(error: Error | undefined): void {
    this.#stream.connectionLost(error);
  }

  pauseWriting(): void {
    this.#stream.pauseWriting();
  }

  resumeWriting(): void {
    this.#stream.resumeWriting();
  }
}
