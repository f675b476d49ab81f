/** What users extend to serve a datagram endpoint, and the transport that it is given. After asyncio's `DatagramProtocol`; see `stream-protocol.ts`. */
import type { SocketAddress } from "../kernel/addresses.ts";
import type { DatagramTransport } from "../kernel/datagrams.ts";

/** The callback-level end of a datagram endpoint, as an `EndpointProtocol` is given it. */
export interface EndpointTransport extends DatagramTransport {
  /** It was closed or aborted from this side, or lost. */
  readonly isClosing: boolean;
}

/** An endpoint for datagrams: made once, then datagrams and errors in any order, and lost once. */
export class EndpointProtocol {
  connectionMade(_transport: EndpointTransport): void {}

  /** A datagram came: the whole of it, and it may be empty. The bytes belong to the protocol. */
  datagramReceived(_bytes: Uint8Array, _from: SocketAddress): void {}

  /** A datagram could not be sent, or was not wanted. The endpoint goes on. */
  errorReceived(_error: Error): void {}

  connectionLost(_error: Error | undefined): void {}

  /** More waits to be sent than 64 KiB. */
  pauseWriting(): void {}

  /** All was sent. */
  resumeWriting(): void {}
}
