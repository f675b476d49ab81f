/**
 * Connections through `node:net`, as transports and protocols: TCP and Unix sockets.
 *
 * Reading into a shared buffer is offered by `node:net` for sockets that connect; one that was accepted is made anew around its
 * handle, and where there is no handle to be had it is read in the ordinary way.
 */
import { chmodSync } from "node:fs";
import { lstat, unlink } from "node:fs/promises";
import net from "node:net";
import type { Address } from "../../kernel/addresses.ts";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../../kernel/datagrams.ts";
import type {
  AcceptHandler,
  ConnectOptions,
  ListenOptions,
  Network,
  NetworkListener,
  Protocol,
  ResolvedAddress,
} from "../../kernel/network.ts";
import { SocketName } from "../socket-name.ts";
import { acceptFrom, acceptingOptions, KEEP_ALIVE_MS } from "./accepting.ts";
import { openDatagrams } from "./datagrams.ts";
import { lookUp } from "./names.ts";
import { SocketTransport } from "./socket-transport.ts";
import { intoSharedBuffer, TransportSocket } from "./transport-socket.ts";

const BACKLOG = 1024;

export class NodeNetwork implements Network {
  readonly #turnBegan: () => void;

  /** `turnBegan` is told of each callback that comes from the event loop. */
  constructor(turnBegan: () => void) {
    this.#turnBegan = turnBegan;
  }

  connect({ address, localHost }: ConnectOptions, protocol: Protocol): () => void {
    const socket = new TransportSocket({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      allowHalfOpen: true,
      onread: intoSharedBuffer,
    } as net.SocketConstructorOpts);
    try {
      if ("path" in address) socket.connect({ path: address.path });
      else socket.connect({ ...address, ...(localHost === undefined ? {} : { localAddress: localHost }) });
    } catch (error) {
      // An invalid port or host is thrown at once; the protocol hears of every failure in one way.
      socket.destroy();
      queueMicrotask(() => protocol.connectionLost(error as Error));
      return () => {};
    }
    let failure: Error | undefined;
    const failed = (error: Error): void => {
      failure = error;
    };
    const lost = (): void => protocol.connectionLost(failure);
    socket.once("error", failed);
    socket.once("close", lost);
    socket.once("connect", () => {
      socket.removeListener("error", failed);
      socket.removeListener("close", lost);
      this.#turnBegan();
      const remote =
        "path" in address ? address : { host: socket.remoteAddress ?? "", port: socket.remotePort ?? address.port };
      const local = "path" in address ? { path: "" } : undefined;
      new SocketTransport(socket, { local, remote }, protocol, this.#turnBegan);
    });
    return () => {
      if (socket.connecting) socket.destroy();
    };
  }

  listen(options: ListenOptions, handler: AcceptHandler): Promise<NetworkListener> {
    const { address } = options;
    const server = net.createServer(acceptingOptions);
    const where =
      "path" in address
        ? { path: address.path }
        : { ...address, ipv6Only: options.ipv6Only ?? false, reusePort: options.reusePort ?? false };
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ ...where, backlog: options.backlog ?? BACKLOG }, () => {
        server.removeListener("error", reject);
        try {
          if ("path" in address && options.mode !== undefined) chmodSync(address.path, options.mode);
        } catch (error) {
          server.close(() => reject(error));
          return;
        }
        const listener = new ServerListener(server);
        acceptFrom(server, listener.address, handler, this.#turnBegan);
        resolve(listener);
      });
    });
  }

  async resolve(host: string): Promise<readonly ResolvedAddress[]> {
    const found = await lookUp(host);
    this.#turnBegan();
    return found;
  }

  openDatagrams(options: DatagramOptions, protocol: DatagramProtocol): Promise<DatagramTransport> {
    return openDatagrams(options, protocol, this.#turnBegan);
  }

  async unlink(path: string): Promise<void> {
    const found = await lstat(path);
    if (!found.isSocket()) {
      throw Object.assign(new Error(`unlink ${path}: it is no socket (ENOTSOCK)`), { code: "ENOTSOCK", path });
    }
    await unlink(path);
  }
}

class ServerListener implements NetworkListener {
  readonly address: Address;
  readonly #closed: Promise<void>;
  readonly #server: net.Server;
  #name: SocketName | undefined;
  #tellClosed: () => void = () => {};

  constructor(server: net.Server) {
    const address = server.address() as net.AddressInfo | string;
    this.address = typeof address === "string" ? { path: address } : { host: address.address, port: address.port };
    this.#name = SocketName.of(this.address);
    this.#server = server;
    this.#closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
  }

  close(): Promise<void> {
    const name = this.#name;
    this.#name = undefined;
    if (name === undefined) this.#server.close();
    else name.keepFrom(() => this.#server.close());
    // The callback of `server.close` waits for every connection; the address itself is free once the handle is closed.
    setImmediate(this.#tellClosed);
    return this.#closed;
  }
}
