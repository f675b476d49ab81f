/**
 * TCP through `node:net`, as transports and protocols.
 *
 * Node buffers what is written and says when it is too much; reading is switched on and off at the socket. A socket
 * error comes before its `close` event and is kept until then, so that `connectionLost` is called once, with the cause.
 *
 * All sockets read into one buffer, from which each chunk is copied out (`onread`): otherwise Node makes a buffer of 64 KiB for each
 * read, however little comes, which costs a small request about 12 %. `node:net` offers that for sockets that connect; one that was
 * accepted is made anew around its handle, and where there is no handle to be had it is read in the ordinary way.
 */
import net from "node:net";
import type {
  AcceptHandler,
  Listener,
  ListenOptions,
  Network,
  Protocol,
  SocketAddress,
  Transport,
} from "../../kernel/network.ts";

const BACKLOG = 1024;
const READ_BYTES = 256 * 1024;

export class TcpNetwork implements Network {
  readonly #turnBegan: () => void;

  /** `turnBegan` is told of each callback that comes from the event loop. */
  constructor(turnBegan: () => void) {
    this.#turnBegan = turnBegan;
  }

  connect(address: SocketAddress, protocol: Protocol): () => void {
    const reader = new SharedReader(this.#turnBegan);
    const socket = new net.Socket({ noDelay: true, allowHalfOpen: true, onread: reader } as net.SocketConstructorOpts);
    try {
      socket.connect({ ...address });
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
      this.#serve(socket, protocol, reader);
    });
    return () => {
      if (socket.connecting) socket.destroy();
    };
  }

  listen(options: ListenOptions, handler: AcceptHandler): Promise<Listener> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (accepted) => {
      this.#turnBegan();
      const { _handle: handle } = accepted as { _handle?: object };
      const reader = new SharedReader(this.#turnBegan);
      if (handle === undefined) {
        this.#serve(accepted, handler.accepted(), reader);
        accepted.on("data", (bytes) => reader.protocol?.dataReceived(bytes as Buffer));
        accepted.resume();
      } else {
        // Node calls this use of `handle` private; the types know only a newer, public one.
        const adopting = { handle, allowHalfOpen: true, onread: reader } as unknown as net.SocketConstructorOpts;
        this.#serve(new net.Socket(adopting), handler.accepted(), reader);
      }
    });
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: options.host, port: options.port, backlog: options.backlog ?? BACKLOG }, () => {
        server.removeListener("error", reject);
        server.on("error", (error) => handler.acceptFailed(error));
        resolve(new TcpListener(server));
      });
    });
  }

  #serve(socket: net.Socket, protocol: Protocol, reader: SharedReader): void {
    const transport = new TcpTransport(socket);
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      this.#turnBegan();
      protocol.connectionLost(failure);
    });
    socket.on("end", () => {
      this.#turnBegan();
      protocol.eofReceived();
    });
    socket.on("drain", () => {
      this.#turnBegan();
      transport.writeCaughtUp(protocol);
    });
    transport.onFull = () => protocol.pauseWriting();
    reader.protocol = protocol;
    protocol.connectionMade(transport);
  }
}

const sharedBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** Where a socket's bytes go: the `onread` option of `node:net`. */
class SharedReader {
  readonly buffer: Buffer = sharedBuffer;
  protocol: Protocol | undefined;
  readonly #turnBegan: () => void;

  constructor(turnBegan: () => void) {
    this.#turnBegan = turnBegan;
  }

  readonly callback = (count: number): boolean => {
    const bytes = Buffer.allocUnsafe(count);
    sharedBuffer.copy(bytes, 0, 0, count);
    this.#turnBegan();
    this.protocol?.dataReceived(bytes);
    return true;
  };
}

class TcpTransport implements Transport {
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress;
  onFull: () => void = () => {};
  readonly #socket: net.Socket;
  #isFull = false;
  #isClosing = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.localAddress = { host: socket.localAddress ?? "", port: socket.localPort ?? 0 };
    this.remoteAddress = { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosing || this.#socket.destroyed || this.#socket.write(bytes) || this.#isFull) return;
    this.#isFull = true;
    this.onFull();
  }

  writeCaughtUp(protocol: Protocol): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    protocol.resumeWriting();
  }

  writeEof(): void {
    this.#isClosing = true;
    this.#socket.end();
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroySoon();
  }

  abort(): void {
    this.#isClosing = true;
    const socket = this.#socket;
    // While the system is being told of the end, it refuses a reset, and Node would forget to close the handle: its process then never ends.
    const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    if (isEnding) socket.destroy();
    else socket.resetAndDestroy();
  }
}

class TcpListener implements Listener {
  readonly address: SocketAddress;
  readonly #closed: Promise<void>;
  readonly #server: net.Server;
  #tellClosed: () => void = () => {};

  constructor(server: net.Server) {
    const address = server.address() as net.AddressInfo;
    this.address = { host: address.address, port: address.port };
    this.#server = server;
    this.#closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
  }

  close(): Promise<void> {
    this.#server.close();
    // The callback of `server.close` waits for every connection; the address itself is free once the handle is closed.
    setImmediate(this.#tellClosed);
    return this.#closed;
  }
}
