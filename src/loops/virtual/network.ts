/**
 * A network in memory with the contract of the real one: listeners by port, byte streams with watermarks both ways, half close,
 * reset. What one side writes arrives on a later turn of the loop. Every host name is this machine.
 */

import type { Address } from "../../kernel/addresses.ts";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../../kernel/datagrams.ts";
import { joinPair, type Later } from "../../kernel/memory-transport.ts";
import type {
  AcceptHandler,
  ConnectOptions,
  ListenOptions,
  Network,
  NetworkListener,
  Protocol,
  ResolvedAddress,
} from "../../kernel/network.ts";
import { systemError } from "../../kernel/system-error.ts";

const FIRST_EPHEMERAL_PORT = 49_152;

export class MemoryNetwork implements Network {
  readonly #later: Later;
  /** By port, or by path. */
  readonly #listeners = new Map<number | string, AcceptHandler>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(later: Later) {
    this.#later = later;
  }

  connect({ address }: ConnectOptions, protocol: Protocol): () => void {
    let isAbandoned = false;
    this.#later(() => {
      const handler = this.#listeners.get(placeOf(address));
      if (isAbandoned || handler === undefined) {
        protocol.connectionLost(isAbandoned ? undefined : systemError("ECONNREFUSED", "connect", address));
        return;
      }
      const local = "path" in address ? { path: "" } : { host: address.host, port: this.#nextPort++ };
      joinPair(protocol, handler.accepted(), local, address, this.#later);
    });
    return () => {
      isAbandoned = true;
    };
  }

  listen(options: ListenOptions, handler: AcceptHandler): Promise<NetworkListener> {
    const { address: wanted } = options;
    const address = "port" in wanted && wanted.port === 0 ? { host: wanted.host, port: this.#freePort() } : wanted;
    const place = placeOf(address);
    if (this.#listeners.has(place)) return Promise.reject(systemError("EADDRINUSE", "listen", address));
    this.#listeners.set(place, handler);
    return Promise.resolve({
      address,
      close: (): Promise<void> => {
        if (this.#listeners.get(place) === handler) this.#listeners.delete(place);
        return Promise.resolve();
      },
    });
  }

  resolve(_host: string): Promise<readonly ResolvedAddress[]> {
    return Promise.resolve([{ address: "127.0.0.1", family: 4 }]);
  }

  openDatagrams(_options: DatagramOptions, _protocol: DatagramProtocol): Promise<DatagramTransport> {
    return Promise.reject(new Error("this loop has no datagrams"));
  }

  unlink(path: string): Promise<void> {
    return Promise.reject(systemError("ENOENT", "unlink", { path }));
  }

  #freePort(): number {
    while (this.#listeners.has(this.#nextPort)) this.#nextPort++;
    return this.#nextPort++;
  }
}

function placeOf(address: Address): number | string {
  return "path" in address ? address.path : address.port;
}
