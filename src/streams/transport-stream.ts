/**
 * A byte stream over a transport: callbacks below, waiting functions above.
 *
 * What is known
 *   reading    chunks that nobody has received yet; above the high mark the transport is paused, below the low mark resumed
 *   writing    whether the transport asked to pause
 *   the end    `eof` (the peer sends no more), `isClosed` (this side), `lost` (the transport is gone, and why)
 *
 * Precedence of outcomes: closed on this side, then data, then end-of-file, then a lost connection.
 */

import { type Address, formatAddress, type SocketAddress } from "../kernel/addresses.ts";
import { notBytes } from "../kernel/check-bytes.ts";
import { describe } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { disposed } from "../kernel/dispose.ts";
import { BrokenError, BusyError, ClosedError } from "../kernel/errors.ts";
import { DONE } from "../kernel/microtask.ts";
import type { Protocol, Transport } from "../kernel/network.ts";
import { printsAs } from "../kernel/printed.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { ByteStream } from "./byte-stream.ts";
import { ChunkIterator } from "./chunk-iterator.ts";

const HIGH_WATER_BYTES = 256 * 1024;
const LOW_WATER_BYTES = 64 * 1024;
/** What a chunk counts at least, however small: a peer that sends byte by byte does not fill the memory with what each costs beside its byte. */
const LEAST_CHUNK_BYTES = 128;

/** `A` is the kind of address that its transport has. */
export class TransportStream<A extends Address = SocketAddress> implements ByteStream, Protocol {
  readonly #made: (stream: TransportStream<A>) => void;
  readonly #failed: (error: Error | undefined) => void;
  #transport: Transport | undefined;
  #chunks: Uint8Array[] = [];
  /** What the chunks count together. */
  #bufferedBytes = 0;
  #isReadingPaused = false;
  #isWritingPaused = false;
  #hasEof = false;
  #hasSentEof = false;
  #isClosed = false;
  #lost: { readonly cause: Error | undefined } | undefined;
  #receiver: ReceiveWaiter | undefined;
  #sender: SendWaiter | undefined;
  readonly #closers = new WaitQueue<CloseWaiter>();

  /** `made` is told when the connection stands, `failed` when it is lost before that. */
  constructor(made: (stream: TransportStream<A>) => void, failed: (error: Error | undefined) => void = () => {}) {
    this.#made = made;
    this.#failed = failed;
  }

  get localAddress(): A {
    return this.#connected.localAddress as A;
  }

  get remoteAddress(): A {
    return this.#connected.remoteAddress as A;
  }

  receive(maxBytes?: number): Promise<Uint8Array | undefined> {
    if (maxBytes !== undefined && !(Number.isInteger(maxBytes) && maxBytes >= 1)) {
      return Promise.reject(new RangeError(`receive: expected maxBytes of at least 1, got ${describe(maxBytes)}`));
    }
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.receive(maxBytes));
    if (this.#receiver !== undefined) return Promise.reject(busy("receiving from"));
    if (this.#isClosed) return Promise.reject(closedHere("receive from"));
    if (this.#chunks.length > 0) return Promise.resolve(this.#take(maxBytes));
    if (this.#hasEof) return Promise.resolve(undefined);
    if (this.#lost !== undefined) {
      return this.#lost.cause === undefined ? Promise.resolve(undefined) : Promise.reject(this.#broken("receive from"));
    }
    this.#receiver = new ReceiveWaiter(scope, this, maxBytes);
    return this.#receiver.promise;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array, undefined> {
    return new ChunkIterator(this);
  }

  send(bytes: Uint8Array): Promise<void> {
    if (!(bytes instanceof Uint8Array)) return Promise.reject(notBytes("send", bytes));
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.send(bytes));
    if (this.#sender !== undefined) return Promise.reject(busy("sending to"));
    const refusal = this.#refusalToSend();
    if (refusal !== undefined) return Promise.reject(refusal);
    if (!this.#isWritingPaused) {
      this.#connected.write(bytes);
      return DONE;
    }
    this.#sender = new SendWaiter(scope, this, bytes);
    return this.#sender.promise;
  }

  trySend(bytes: Uint8Array): boolean {
    if (!(bytes instanceof Uint8Array)) throw notBytes("trySend", bytes);
    if (this.#isWritingPaused || this.#sender !== undefined || this.#refusalToSend() !== undefined) return false;
    this.#connected.write(bytes);
    return true;
  }

  sendEof(): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.sendEof());
    if (this.#hasSentEof && !this.#isClosed) return DONE;
    if (this.#sender !== undefined) return Promise.reject(busy("sending to"));
    const refusal = this.#refusalToSend();
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#hasSentEof = true;
    this.#connected.writeEof();
    return DONE;
  }

  close(): Promise<void> {
    const scope = currentNode();
    this.#closeHere();
    this.#connected.close();
    const isDetour = mustDetour(scope);
    // Cancelled before, or overdue by now.
    if (scope.cancelledBy !== null) this.abort();
    if (isDetour) return detour(scope, () => this.close());
    if (this.#lost !== undefined) return DONE;
    const waiter = new CloseWaiter(scope, this);
    this.#closers.push(waiter);
    return waiter.promise;
  }

  abort(): void {
    this.#closeHere();
    this.#connected.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  // The protocol: called by the transport.

  connectionMade(transport: Transport): void {
    this.#transport = transport;
    this.#made(this);
  }

  dataReceived(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const receiver = this.#receiver;
    if (receiver !== undefined && (receiver.maxBytes === undefined || receiver.maxBytes >= bytes.length)) {
      this.#receiver = undefined;
      receiver.wake(bytes);
      return;
    }
    this.#chunks.push(bytes);
    this.#bufferedBytes += costOf(bytes);
    if (receiver !== undefined) {
      this.#receiver = undefined;
      receiver.wake(this.#take(receiver.maxBytes));
    } else if (this.#bufferedBytes >= HIGH_WATER_BYTES && !this.#isReadingPaused) {
      this.#isReadingPaused = true;
      this.#connected.pauseReading();
    }
  }

  eofReceived(): void {
    this.#hasEof = true;
    this.#endReceiver((receiver) => receiver.wake(undefined));
  }

  connectionLost(cause: Error | undefined): void {
    if (this.#transport === undefined) {
      this.#failed(cause);
      return;
    }
    this.#lost = { cause };
    this.#endReceiver((receiver) => {
      if (cause === undefined) receiver.wake(undefined);
      else receiver.fail(() => this.#broken("receive from"));
    });
    this.#endSender(() => this.#broken("send to"));
    for (let closer = this.#closers.shift(); closer !== undefined; closer = this.#closers.shift()) closer.wake();
  }

  pauseWriting(): void {
    this.#isWritingPaused = true;
  }

  resumeWriting(): void {
    this.#isWritingPaused = false;
    const sender = this.#sender;
    if (sender !== undefined) {
      this.#sender = undefined;
      this.#connected.write(sender.bytes);
      sender.wake();
    }
  }

  receiverLeft(): void {
    this.#receiver = undefined;
  }

  senderLeft(): void {
    this.#sender = undefined;
  }

  get #connected(): Transport {
    if (this.#transport === undefined) throw new Error("a stream is handed out only when its connection stands");
    return this.#transport;
  }

  #take(maxBytes: number | undefined): Uint8Array {
    const first = this.#chunks[0] as Uint8Array;
    let taken = first;
    if (maxBytes !== undefined && first.length > maxBytes) {
      taken = first.subarray(0, maxBytes);
      const rest = first.subarray(maxBytes);
      this.#chunks[0] = rest;
      this.#bufferedBytes += costOf(rest);
    } else this.#chunks.shift();
    this.#bufferedBytes -= costOf(first);
    if (this.#isReadingPaused && this.#bufferedBytes < LOW_WATER_BYTES) {
      this.#isReadingPaused = false;
      this.#connected.resumeReading();
    }
    return taken;
  }

  #refusalToSend(): Error | undefined {
    if (this.#isClosed) return closedHere("send to");
    if (this.#hasSentEof) return new ClosedError("send after sendEof: this side has said that it sends no more");
    if (this.#lost !== undefined) return this.#broken("send to");
    return undefined;
  }

  #closeHere(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#chunks = [];
    this.#bufferedBytes = 0;
    this.#endReceiver((receiver) => receiver.fail(() => closedHere("receive from")));
    this.#endSender(() => closedHere("send to"));
    // The peer may still be sending; unread, that would stand in the way of its end-of-file.
    if (this.#isReadingPaused) this.#connected.resumeReading();
  }

  #endReceiver(end: (receiver: ReceiveWaiter) => void): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (receiver !== undefined) end(receiver);
  }

  #endSender(make: () => Error): void {
    const sender = this.#sender;
    this.#sender = undefined;
    sender?.fail(make);
  }

  #broken(doing: string): BrokenError {
    const cause = this.#lost?.cause;
    const why = cause === undefined ? "the peer closed it" : cause.message;
    const peer = formatAddress(this.#connected.remoteAddress);
    return new BrokenError(`${doing} ${peer}: the connection was lost (${why})`, { cause });
  }

  get #state(): string {
    if (this.#isClosed) return "closed";
    if (this.#lost !== undefined) return "lost";
    return this.#transport === undefined ? "connecting" : "open";
  }

  static {
    printsAs(
      TransportStream,
      (stream) => {
        const { localAddress: from, remoteAddress: to } = stream.#transport ?? {};
        return { state: stream.#state, ...shown("from", from), ...shown("to", to) };
      },
      "ByteStream",
    );
  }
}

/** The stream, as its waiters see it. */
interface Abandonable {
  receiverLeft(): void;
  senderLeft(): void;
  abort(): void;
}

class ReceiveWaiter extends Waiter<Uint8Array | undefined> {
  // Declared, and assigned in the constructor, as in `ScopeNode`.
  declare readonly maxBytes: number | undefined;
  declare private readonly stream: Abandonable;

  constructor(scope: ScopeNode, stream: Abandonable, maxBytes: number | undefined) {
    super(scope);
    this.stream = stream;
    this.maxBytes = maxBytes;
  }

  protected override abandoned(): void {
    this.stream.receiverLeft();
  }
}

class SendWaiter extends Waiter<void> {
  readonly bytes: Uint8Array;
  readonly #stream: Abandonable;

  constructor(scope: ScopeNode, stream: Abandonable, bytes: Uint8Array) {
    super(scope);
    this.#stream = stream;
    this.bytes = bytes;
  }

  protected override abandoned(): void {
    this.#stream.senderLeft();
  }
}

class CloseWaiter extends Waiter<void> {
  readonly #stream: Abandonable;

  constructor(scope: ScopeNode, stream: Abandonable) {
    super(scope);
    this.#stream = stream;
  }

  /** The patience to flush is over. */
  protected override abandoned(): void {
    this.#stream.abort();
  }
}

function costOf(chunk: Uint8Array): number {
  return Math.max(chunk.length, LEAST_CHUNK_BYTES);
}

/** An end that has no name is not shown. */
function shown(name: string, address: Address | undefined): object {
  return address === undefined || ("path" in address && address.path === "") ? {} : { [name]: formatAddress(address) };
}

function busy(doing: string): BusyError {
  return new BusyError(`another task is ${doing} this stream: give one task the sending and one the receiving`);
}

function closedHere(doing: string): ClosedError {
  return new ClosedError(`${doing} a stream that this side has closed`);
}
