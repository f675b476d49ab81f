/** A datagram transport that is told things and never answers: for what a socket makes of its callbacks, in the very same tick. */
import { formatAddress, type SocketAddress } from "coppice/net";
import type { DatagramTransport } from "../../src/kernel/datagrams.ts";
import { TransportDatagramSocket } from "../../src/net/transport-datagram-socket.ts";

/** Writes down what it is asked to do, and does nothing. */
export class NotingDatagrams implements DatagramTransport {
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress | undefined;
  readonly bufferedBytes = 0;
  readonly calls: string[] = [];
  /** What `joinGroup` and the like throw. */
  groupError: Error | undefined;

  constructor(localHost: string, remoteAddress: SocketAddress | undefined) {
    this.localAddress = { host: localHost, port: 1 };
    this.remoteAddress = remoteAddress;
  }

  sendTo(bytes: Uint8Array, to?: SocketAddress): void {
    this.calls.push(`send ${bytes.length}${to === undefined ? "" : ` to ${formatAddress(to)}`}`);
  }
  joinGroup(group: string, interfaceAddress?: string): void {
    this.#control(`join ${group} ${interfaceAddress}`);
  }
  leaveGroup(group: string, interfaceAddress?: string): void {
    this.#control(`leave ${group} ${interfaceAddress}`);
  }
  setMulticast(options: object): void {
    this.#control(`multicast ${JSON.stringify(options)}`);
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

  #control(what: string): void {
    if (this.groupError !== undefined) throw this.groupError;
    this.calls.push(what);
  }
}

export interface SocketOptions {
  readonly localHost?: string;
  readonly remote?: SocketAddress;
  readonly maxBufferedBytes?: number;
}

/** A socket whose endpoint stands, with the transport below it. */
export function datagramSocket({ localHost = "127.0.0.1", remote, maxBufferedBytes = 1_000_000 }: SocketOptions = {}): {
  socket: TransportDatagramSocket;
  transport: NotingDatagrams;
} {
  const socket = new TransportDatagramSocket(maxBufferedBytes);
  const transport = new NotingDatagrams(localHost, remote);
  socket.connectionMade(transport);
  return { socket, transport };
}
