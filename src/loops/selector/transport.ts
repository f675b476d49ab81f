/**
 * A transport over a nonblocking socket: TCP or Unix.
 *
 * | state | reads | writes | then |
 * | --- | --- | --- | --- |
 * | open | unless paused, until end-of-file | what the system takes at once, the rest when it is writable | |
 * | closing | throws away what comes: the peer may be unable to read before it has written | what is left | closed |
 * | lost | no | no | `connectionLost` comes on the next turn |
 *
 * Ended in both directions, it closes itself. All sockets read into one buffer, from which each chunk is copied out.
 */
import type { Address } from "../../kernel/addresses.ts";
import type { Protocol, Transport, WriteBufferLimits } from "../../kernel/network.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT } from "../../posix/epoll.ts";
import { EAGAIN, EINTR, systemError } from "../../posix/errors.ts";
import { setResetOnClose } from "../../posix/socket-options.ts";
import { receive, SHUT_WR, shutdown } from "../../posix/sockets.ts";
import type { Poller, Watch, Watcher } from "./poller.ts";
import { WriteQueue } from "./write-queue.ts";

const HIGH_WATER_BYTES = 64 * 1024;
const READ_BYTES = 256 * 1024;
const READ_SIZE = BigInt(READ_BYTES);

/** How often what the peer has sent is read for the last time, and thrown away. */
const MOST_LAST_READS = 4;

let sharedBuffer: Buffer | undefined;

export interface Ends {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
}

export class PolledTransport implements Transport, Watcher {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  protocol: Protocol;
  readonly #poller: Poller;
  readonly #watch: Watch;
  readonly #buffer: Buffer;
  readonly #queue = new WriteQueue();
  #limits: WriteBufferLimits = { high: HIGH_WATER_BYTES, low: 0 };
  #state: "open" | "closing" | "lost" = "open";
  #isFull = false;
  #isReadingPaused = false;
  #hasReceivedEof = false;
  /** No more will be written; what is queued goes first. */
  #isEofDue = false;
  #hasSentEof = false;

  /** Begins to serve `protocol`, whose `connectionMade` is called now. */
  constructor(poller: Poller, fd: number, ends: Ends, protocol: Protocol) {
    this.#poller = poller;
    this.localAddress = ends.localAddress;
    this.remoteAddress = ends.remoteAddress;
    this.protocol = protocol;
    sharedBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES);
    this.#buffer = sharedBuffer;
    this.#watch = poller.watch(fd, this);
    protocol.connectionMade(this);
    this.#ask();
  }

  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  get isClosing(): boolean {
    return this.#state !== "open";
  }

  setWriteBufferLimits(limits: WriteBufferLimits): void {
    this.#limits = limits;
    this.#checkFull();
    this.#checkRoom();
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open" || this.#isEofDue || bytes.length === 0) return;
    const result = this.#queue.write(this.#watch.fd, bytes);
    if (result < 0) {
      this.#lose(systemError(-result, "send"));
    } else if (this.#queue.bytes > 0) {
      this.#ask();
      this.#checkFull();
    }
  }

  writeEof(): void {
    if (this.#state !== "open" || this.#isEofDue) return;
    this.#isEofDue = true;
    if (this.#queue.bytes === 0) this.#flushed();
  }

  pauseReading(): void {
    this.#isReadingPaused = true;
    this.#ask();
  }

  resumeReading(): void {
    this.#isReadingPaused = false;
    this.#ask();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    if (this.#queue.bytes === 0) this.#end();
    else this.#ask();
  }

  abort(): void {
    if (this.#state === "lost") return;
    if (!("path" in this.localAddress)) setResetOnClose(this.#watch.fd);
    this.#lose(undefined);
  }

  // The watcher: called by the poller.

  ready(events: number): void {
    const hasFailed = (events & (EPOLLERR | EPOLLHUP)) !== 0;
    if ((hasFailed || (events & EPOLLIN) !== 0) && this.#isReading) this.#read();
    if ((hasFailed || (events & EPOLLOUT) !== 0) && this.#queue.bytes > 0) this.#flush();
  }

  dropped(): void {
    this.abort();
  }

  get #isReading(): boolean {
    if (this.#state === "lost" || this.#hasReceivedEof) return false;
    return this.#state === "closing" || !this.#isReadingPaused;
  }

  #ask(): void {
    if (this.#state === "lost") return;
    this.#watch.want((this.#isReading ? EPOLLIN : 0) | (this.#queue.bytes > 0 ? EPOLLOUT : 0));
  }

  #read(): void {
    const count = receive(this.#watch.fd, this.#buffer, READ_SIZE);
    const isHeard = this.#state === "open";
    if (count > 0) {
      if (!isHeard) return;
      const bytes = Buffer.allocUnsafe(count);
      this.#buffer.copy(bytes, 0, 0, count);
      this.protocol.dataReceived(bytes);
    } else if (count === 0) {
      this.#hasReceivedEof = true;
      this.#ask();
      if (!isHeard) return;
      this.protocol.eofReceived();
      if (this.#hasSentEof) this.#lose(undefined);
    } else if (count !== -EAGAIN && count !== -EINTR) {
      this.#lose(systemError(-count, "recv"));
    }
  }

  #flush(): void {
    const result = this.#queue.flush(this.#watch.fd);
    if (result < 0) {
      this.#lose(systemError(-result, "send"));
      return;
    }
    if (this.#queue.bytes === 0) {
      this.#flushed();
      this.#ask();
    }
    this.#checkRoom();
  }

  /** The queue has run empty, or was: what waited for that. */
  #flushed(): void {
    if (this.#state === "closing") {
      this.#end();
    } else if (this.#isEofDue && !this.#hasSentEof) {
      this.#hasSentEof = true;
      // A connection that is gone already tells so when it is read.
      shutdown(this.#watch.fd, SHUT_WR);
      if (this.#hasReceivedEof) this.#lose(undefined);
    }
  }

  #checkFull(): void {
    if (this.#isFull || this.#state === "lost" || this.#queue.bytes <= this.#limits.high) return;
    this.#isFull = true;
    this.protocol.pauseWriting();
  }

  #checkRoom(): void {
    if (!this.#isFull || this.#state === "lost" || this.#queue.bytes > this.#limits.low) return;
    this.#isFull = false;
    this.protocol.resumeWriting();
  }

  /** Closes, in good order if that is possible: on unread bytes it would be a reset, which takes back what the peer has not read. */
  #end(): void {
    for (let count = 0; count < MOST_LAST_READS && !this.#hasReceivedEof; count++) {
      if (receive(this.#watch.fd, this.#buffer, READ_SIZE) <= 0) break;
    }
    this.#lose(undefined);
  }

  #lose(error: Error | undefined): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    this.#queue.clear();
    this.#watch.close();
    this.#poller.soon(() => this.protocol.connectionLost(error));
  }
}
