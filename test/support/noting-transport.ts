/** A transport that is told things and never answers: for what a stream makes of its callbacks, in the very same tick. */
import type { SocketAddress } from "../../src/kernel/addresses.ts";
import type { Protocol, Transport } from "../../src/kernel/network.ts";
import { TransportStream } from "../../src/streams/transport-stream.ts";

/** Writes down what it is asked to do, and does nothing. */
export class NotingTransport implements Transport {
  readonly localAddress: SocketAddress = { host: "here", port: 1 };
  readonly remoteAddress: SocketAddress = { host: "there", port: 2 };
  readonly bufferedBytes = 0;
  readonly isClosing = false;
  declare protocol: Protocol;
  readonly calls: string[] = [];

  setWriteBufferLimits(): void {
    this.calls.push("setWriteBufferLimits");
  }
  write(bytes: Uint8Array): void {
    this.calls.push(`write ${bytes.length}`);
  }
  writeEof(): void {
    this.calls.push("writeEof");
  }
  pauseReading(): void {
    this.calls.push("pauseReading");
  }
  resumeReading(): void {
    this.calls.push("resumeReading");
  }
  close(): void {
    this.calls.push("close");
  }
  abort(): void {
    this.calls.push("abort");
  }
}

/** A stream whose connection stands, with the transport below it. */
export function connected(): { stream: TransportStream; transport: NotingTransport } {
  const stream = new TransportStream(() => {});
  const transport = new NotingTransport();
  stream.connectionMade(transport);
  return { stream, transport };
}
