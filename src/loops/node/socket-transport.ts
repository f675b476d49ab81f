/**
 * A transport over a socket of `node:net`: TCP and Unix sockets.
 *
 * Node buffers what is written and says when it is too much (its mark is the default one; with other marks each write is
 * watched); reading is switched on and off at the socket. A socket error comes before its `close` event and is kept until then, so
 * that `connectionLost` is called once, with the cause.
 *
 * The local address is asked of the system when somebody wants it, or at the latest before the socket is gone. (The peer's is asked at
 * once: after a reset the system does not know it any more.)
 */
import type { Address } from "../../kernel/addresses.ts";
import type { Protocol, Transport, WriteBufferLimits } from "../../kernel/network.ts";
import { giveTo, type SocketOwner, type TransportSocket } from "./transport-socket.ts";

export interface SocketEnds {
  /** Without it, it is asked of the system when it is wanted. */
  readonly local: Address | undefined;
  readonly remote: Address;
}

export class SocketTransport implements Transport, SocketOwner {
  readonly remoteAddress: Address;
  protocol: Protocol;
  readonly #socket: TransportSocket;
  readonly #turnBegan: () => void;
  #local: Address | undefined;
  #limits: WriteBufferLimits | undefined;
  #failure: Error | undefined;
  #isFull = false;
  #isClosing = false;

  /** Begins to serve `protocol`, whose `connectionMade` is called now. `turnBegan` is told of each callback from the event loop. */
  constructor(socket: TransportSocket, { local, remote }: SocketEnds, protocol: Protocol, turnBegan: () => void) {
    this.#local = local;
    this.remoteAddress = remote;
    this.#socket = socket;
    this.#turnBegan = turnBegan;
    this.protocol = protocol;
    giveTo(this, socket);
    protocol.connectionMade(this);
  }

  get localAddress(): Address {
    this.#local ??= { host: this.#socket.localAddress ?? "", port: this.#socket.localPort ?? 0 };
    return this.#local;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get isClosing(): boolean {
    return this.#isClosing || this.#socket.destroyed;
  }

  setWriteBufferLimits(limits: WriteBufferLimits): void {
    this.#limits = limits;
    if (this.#isFull) this.#checkRoom();
    else this.#checkFull(limits);
  }

  write(bytes: Uint8Array): void {
    const socket = this.#socket;
    if (this.#isClosing || !socket.writable || bytes.length === 0) return;
    const limits = this.#limits;
    if (limits === undefined) {
      if (!socket.write(bytes)) this.#full();
      return;
    }
    socket.write(bytes, () => this.#checkRoom());
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
    if (isEnding || "path" in this.remoteAddress) socket.destroy();
    else socket.resetAndDestroy();
  }

  // Called by the socket.

  received(bytes: Uint8Array): void {
    this.#turnBegan();
    this.protocol.dataReceived(bytes);
  }

  ended(): void {
    this.#turnBegan();
    this.protocol.eofReceived();
  }

  drained(): void {
    this.#turnBegan();
    this.#checkRoom();
  }

  failed(error: Error): void {
    this.#failure = error;
  }

  keepAddress(): void {
    this.localAddress;
  }

  closed(): void {
    this.#turnBegan();
    this.#isClosing = true;
    this.protocol.connectionLost(this.#failure);
  }

  #checkFull({ high }: WriteBufferLimits): void {
    if (this.#socket.writableLength > high) this.#full();
  }

  #full(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.protocol.pauseWriting();
  }

  #checkRoom(): void {
    if (!this.#isFull || this.#socket.writableLength > (this.#limits?.low ?? 0)) return;
    this.#isFull = false;
    if (!this.#socket.destroyed) this.protocol.resumeWriting();
  }
}
