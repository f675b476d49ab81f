/**
 * A network in memory with the contract of the real one: listeners by port, byte streams with watermarks both ways, half close,
 * reset. What one side writes arrives on a later turn of the loop. Every host name is this machine.
 */
import type {
  AcceptHandler,
  Listener,
  ListenOptions,
  Network,
  Protocol,
  SocketAddress,
  Transport,
} from "../../kernel/network.ts";

/** As Node's sockets: above it, `pauseWriting`. */
const HIGH_WATER_BYTES = 64 * 1024;
const FIRST_EPHEMERAL_PORT = 49_152;

/** Calls back on a later turn, in order. */
type Later = (callback: () => void) => void;

export class MemoryNetwork implements Network {
  readonly #later: Later;
  readonly #listeners = new Map<number, AcceptHandler>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(later: Later) {
    this.#later = later;
  }

  connect(address: SocketAddress, protocol: Protocol): () => void {
    let isAbandoned = false;
    this.#later(() => {
      const handler = this.#listeners.get(address.port);
      if (isAbandoned || handler === undefined) {
        protocol.connectionLost(isAbandoned ? undefined : systemError("ECONNREFUSED", "connect", address));
        return;
      }
      const local = { host: address.host, port: this.#nextPort++ };
      joinPair(protocol, handler.accepted(), local, address, this.#later);
    });
    return () => {
      isAbandoned = true;
    };
  }

  listen(options: ListenOptions, handler: AcceptHandler): Promise<Listener> {
    const port = options.port === 0 ? this.#freePort() : options.port;
    const address = { host: options.host, port };
    if (this.#listeners.has(port)) return Promise.reject(systemError("EADDRINUSE", "listen", address));
    this.#listeners.set(port, handler);
    return Promise.resolve({
      address,
      close: (): Promise<void> => {
        if (this.#listeners.get(port) === handler) this.#listeners.delete(port);
        return Promise.resolve();
      },
    });
  }

  #freePort(): number {
    while (this.#listeners.has(this.#nextPort)) this.#nextPort++;
    return this.#nextPort++;
  }
}

/** Connects two protocols; both hear `connectionMade` now. */
function joinPair(a: Protocol, b: Protocol, addressA: SocketAddress, addressB: SocketAddress, later: Later): void {
  const endA = new MemoryTransport(a, addressA, addressB, later);
  const endB = new MemoryTransport(b, addressB, addressA, later);
  endA.peer = endB;
  endB.peer = endA;
  a.connectionMade(endA);
  b.connectionMade(endB);
}

type Item = Uint8Array | "eof";

class MemoryTransport implements Transport {
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress;
  peer!: MemoryTransport;
  readonly #protocol: Protocol;
  readonly #later: Later;
  /** On the way to the peer. */
  #outgoing: Item[] = [];
  #bufferedBytes = 0;
  #isFull = false;
  #isReadingPaused = false;
  #state: "open" | "closing" | "lost" = "open";
  #hasSentEof = false;
  #hasReceivedEof = false;
  #isDeliveryDue = false;

  constructor(protocol: Protocol, local: SocketAddress, remote: SocketAddress, later: Later) {
    this.#protocol = protocol;
    this.localAddress = local;
    this.remoteAddress = remote;
    this.#later = later;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#hasSentEof || this.#state !== "open" || bytes.length === 0) return;
    this.#outgoing.push(bytes);
    this.#bufferedBytes += bytes.length;
    this.#deliverLater();
    if (this.#bufferedBytes < HIGH_WATER_BYTES || this.#isFull) return;
    this.#isFull = true;
    this.#protocol.pauseWriting();
  }

  writeEof(): void {
    if (this.#hasSentEof || this.#state === "lost") return;
    this.#hasSentEof = true;
    this.#outgoing.push("eof");
    this.#deliverLater();
  }

  pauseReading(): void {
    this.#isReadingPaused = true;
  }

  resumeReading(): void {
    this.#isReadingPaused = false;
    this.peer.#deliverLater();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.writeEof();
    this.#state = "closing";
    this.#deliverLater();
  }

  abort(): void {
    if (this.#state === "lost") return;
    this.#outgoing = [];
    this.#later(() => this.peer.#lose(systemError("ECONNRESET", "read", this.peer.remoteAddress)));
    this.#lose(undefined);
  }

  #deliverLater(): void {
    if (this.#isDeliveryDue) return;
    this.#isDeliveryDue = true;
    this.#later(() => this.#deliver());
  }

  #deliver(): void {
    this.#isDeliveryDue = false;
    const peer = this.peer;
    // One that is closing listens no more, paused or not, as a socket that is being destroyed.
    while (this.#outgoing.length > 0 && this.#state !== "lost" && !(peer.#isReadingPaused && peer.#state === "open")) {
      const item = this.#outgoing.shift() as Item;
      if (item === "eof") {
        peer.#receiveEof();
      } else if (peer.#state === "lost") {
        this.#lose(systemError("EPIPE", "write", this.remoteAddress));
      } else {
        this.#bufferedBytes -= item.length;
        if (peer.#state === "open") peer.#protocol.dataReceived(item);
      }
    }
    if (this.#isFull && this.#bufferedBytes === 0 && this.#state !== "lost") {
      this.#isFull = false;
      this.#protocol.resumeWriting();
    }
    const isOver = this.#state === "closing" || (this.#hasSentEof && this.#hasReceivedEof);
    if (isOver && this.#outgoing.length === 0) this.#lose(undefined);
  }

  #receiveEof(): void {
    if (this.#state !== "open") return;
    this.#hasReceivedEof = true;
    // With both directions ended, nobody need close it.
    if (this.#hasSentEof) this.#deliverLater();
    this.#protocol.eofReceived();
  }

  #lose(error: Error | undefined): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    this.#bufferedBytes = 0;
    this.#isFull = false;
    // What the peer still has for us goes nowhere, and it may be waiting to hear so.
    this.peer.#deliverLater();
    this.#protocol.connectionLost(error);
  }
}

function systemError(code: string, syscall: string, address: SocketAddress): Error {
  return Object.assign(new Error(`${syscall} ${code} ${address.host}:${address.port}`), { code, syscall });
}
