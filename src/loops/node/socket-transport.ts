/**
 * A transport over a socket of `node:net`: TCP, Unix sockets, pipes.
 *
 * Node buffers what is written and says when it is too much (its mark is the default one; with other marks each write is
 * watched); reading is switched on and off at the socket. A socket error comes before its `close` event and is kept until then, so
 * that `connectionLost` is called once, with the cause.
 *
 * All sockets read into one buffer, from which each chunk is copied out (`onread`): otherwise Node makes a buffer of 64 KiB for each
 * read, however little comes, which costs a small request about 12 %.
 */
import type net from "node:net";
import type { Address } from "../../kernel/addresses.ts";
import type { Protocol, Transport, WriteBufferLimits } from "../../kernel/network.ts";

const READ_BYTES = 256 * 1024;
const sharedBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** Where a socket's bytes go: the `onread` option of `node:net`. */
export class SharedReader {
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

export interface SocketTransportOptions {
  readonly socket: net.Socket;
  readonly reader: SharedReader;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly turnBegan: () => void;
}

export class SocketTransport implements Transport {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly #socket: net.Socket;
  readonly #reader: SharedReader;
  #limits: WriteBufferLimits | undefined;
  #isFull = false;
  #isClosing = false;

  /** Begins to serve `protocol`, whose `connectionMade` is called now. */
  constructor(options: SocketTransportOptions, protocol: Protocol) {
    const { socket, reader, turnBegan } = options;
    this.localAddress = options.localAddress;
    this.remoteAddress = options.remoteAddress;
    this.#socket = socket;
    this.#reader = reader;
    this.protocol = protocol;
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      turnBegan();
      this.#isClosing = true;
      this.protocol.connectionLost(failure);
    });
    socket.on("end", () => {
      turnBegan();
      this.protocol.eofReceived();
    });
    socket.on("drain", () => {
      turnBegan();
      this.#written();
    });
    protocol.connectionMade(this);
  }

  get protocol(): Protocol {
    return this.#reader.protocol as Protocol;
  }

  set protocol(protocol: Protocol) {
    this.#reader.protocol = protocol;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get isClosing(): boolean {
    return this.#isClosing || this.#socket.destroyed;
  }

  setWriteBufferLimits(limits: WriteBufferLimits): void {
    this.#limits = limits;
    if (this.#isFull) this.#written();
    else this.#checkFull(limits);
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosing || !this.#socket.writable) return;
    const limits = this.#limits;
    if (limits === undefined) {
      if (!this.#socket.write(bytes)) this.#full();
      return;
    }
    this.#socket.write(bytes, this.#written);
    this.#checkFull(limits);
  }

  writeEof(): void {
    if (!this.#isClosing) this.#socket.end();
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
    // A Unix socket knows no reset.
    if (isEnding || "path" in this.localAddress) socket.destroy();
    else socket.resetAndDestroy();
  }

  #checkFull({ high }: WriteBufferLimits): void {
    if (this.#socket.writableLength > high) this.#full();
  }

  #full(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.protocol.pauseWriting();
  }

  readonly #written = (): void => {
    if (!this.#isFull || this.#socket.writableLength > (this.#limits?.low ?? 0)) return;
    this.#isFull = false;
    if (!this.#socket.destroyed) this.protocol.resumeWriting();
  };
}
