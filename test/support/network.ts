/**
 * A virtual run whose network is counted: a test fails if it leaves a connection, a listener, a task or a timer behind.
 * Connections can be looked into from below, which no user can: what was written, in how many writes, how much is buffered.
 */
import assert from "node:assert/strict";
import { run } from "coppice";
import type { VirtualLoopOptions } from "coppice/testing";
import type {
  AcceptHandler,
  ConnectOptions,
  ListenOptions,
  Network,
  NetworkListener,
  Protocol,
  Transport,
} from "../../src/kernel/network.ts";
import { assertNothingOpen, TestLoop } from "./virtual.ts";

/** One end of a connection as the network sees it. */
export class Wire implements Protocol {
  readonly side: "client" | "server";
  /** The size of each write, in order. */
  readonly writes: number[] = [];
  receivedBytes = 0;
  /** Calls of the transport that came after its end, which the port forbids. */
  callsAfterLoss = 0;
  isReadingPaused = false;
  isOpen = false;
  #transport: Transport | undefined;
  #protocol: Protocol;
  readonly #isOver: () => void;

  constructor(side: "client" | "server", protocol: Protocol, isOver: () => void) {
    this.side = side;
    this.#protocol = protocol;
    this.#isOver = isOver;
  }

  get bufferedBytes(): number {
    return this.#transport?.bufferedBytes ?? 0;
  }

  /** Breaks the connection as a cable does that is cut: this end goes, the other sees a reset. */
  cut(): void {
    this.#transport?.abort();
  }

  connectionMade(transport: Transport): void {
    this.#transport = transport;
    this.isOpen = true;
    const wire = this;
    this.#protocol.connectionMade({
      localAddress: transport.localAddress,
      remoteAddress: transport.remoteAddress,
      get bufferedBytes(): number {
        return transport.bufferedBytes;
      },
      get isClosing(): boolean {
        return transport.isClosing;
      },
      get protocol(): Protocol {
        return wire.#protocol;
      },
      set protocol(protocol: Protocol) {
        wire.#protocol = protocol;
      },
      setWriteBufferLimits: (limits) => transport.setWriteBufferLimits(limits),
      write(bytes): void {
        wire.writes.push(bytes.length);
        transport.write(bytes);
      },
      writeEof: () => transport.writeEof(),
      pauseReading(): void {
        wire.isReadingPaused = true;
        transport.pauseReading();
      },
      resumeReading(): void {
        wire.isReadingPaused = false;
        transport.resumeReading();
      },
      close: () => transport.close(),
      abort: () => transport.abort(),
    });
  }

  dataReceived(bytes: Uint8Array): void {
    this.#check();
    this.receivedBytes += bytes.length;
    this.#protocol.dataReceived(bytes);
  }

  eofReceived(): void {
    this.#check();
    this.#protocol.eofReceived();
  }

  connectionLost(error: Error | undefined): void {
    this.#check();
    this.isOpen = false;
    this.#isOver();
    this.#protocol.connectionLost(error);
  }

  pauseWriting(): void {
    this.#check();
    this.#protocol.pauseWriting();
  }

  resumeWriting(): void {
    this.#check();
    this.#protocol.resumeWriting();
  }

  #check(): void {
    if (this.#transport !== undefined && !this.isOpen) this.callsAfterLoss++;
  }
}

export class CountedNetwork implements Network {
  /** Every connection's ends so far, in the order of their making; the client's end comes first. */
  readonly wires: Wire[] = [];
  readonly listeners = new Set<NetworkListener>();
  readonly #live = new Set<Wire>();
  readonly #inner: Network;

  constructor(inner: Network) {
    this.#inner = inner;
  }

  get openEnds(): number {
    return [...this.#live].filter((wire) => wire.isOpen).length;
  }

  of(side: "client" | "server"): Wire[] {
    return this.wires.filter((wire) => wire.side === side);
  }

  connect(options: ConnectOptions, protocol: Protocol): () => void {
    return this.#inner.connect(options, this.#wire("client", protocol));
  }

  resolve(host: string): ReturnType<Network["resolve"]> {
    return this.#inner.resolve(host);
  }

  openDatagrams(...args: Parameters<Network["openDatagrams"]>): ReturnType<Network["openDatagrams"]> {
    return this.#inner.openDatagrams(...args);
  }

  unlink(path: string): Promise<void> {
    return this.#inner.unlink(path);
  }

  async listen(options: ListenOptions, handler: AcceptHandler): Promise<NetworkListener> {
    const counted: AcceptHandler = {
      accepted: () => this.#wire("server", handler.accepted()),
      acceptFailed: (error) => handler.acceptFailed(error),
    };
    const inner = await this.#inner.listen(options, counted);
    const listener: NetworkListener = {
      address: inner.address,
      close: async (): Promise<void> => {
        this.listeners.delete(listener);
        await inner.close();
      },
    };
    this.listeners.add(listener);
    return listener;
  }

  #wire(side: "client" | "server", protocol: Protocol): Wire {
    const wire = new Wire(side, protocol, () => this.#live.delete(wire));
    this.#live.add(wire);
    this.wires.push(wire);
    return wire;
  }
}

class NetworkLoop extends TestLoop {
  readonly counted: CountedNetwork;

  constructor(options: VirtualLoopOptions) {
    super(options);
    this.counted = new CountedNetwork(this.network);
    Object.defineProperty(this, "network", { value: this.counted });
  }
}

/** As `virtualRun`, with a counted network; fails if `fn` leaves anything alive. */
export function networked<T>(
  fn: (network: CountedNetwork) => T | PromiseLike<T>,
  options: VirtualLoopOptions = {},
): Promise<T> {
  const loop = new NetworkLoop(options);
  return run(
    async () => {
      const value = await fn(loop.counted);
      assertNothingOpen();
      assert.equal(loop.counted.listeners.size, 0, "listeners were left behind");
      // The last close may be on its way to the other end.
      for (let turn = 0; turn < 3; turn++) await loop.breathe();
      assert.equal(loop.counted.openEnds, 0, "connections were left open");
      assert.equal(loop.live.size, 0, "timers were left behind");
      for (const wire of loop.counted.wires) {
        assert.equal(wire.callsAfterLoss, 0, "a protocol was called after its connectionLost");
      }
      return value;
    },
    { loop },
  );
}
