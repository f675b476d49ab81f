/**
 * An endpoint for datagrams over a nonblocking socket.
 *
 * What the system does not take at once is queued with its receiver. An error that belongs to a datagram sent before (the peer's machine
 * did not want it) is reported by the next call, which then has not been made: it is told, and the call repeated.
 */
import { isIP } from "node:net";
import type { SocketAddress } from "../../kernel/addresses.ts";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../../kernel/datagrams.ts";
import { EPOLLIN, EPOLLOUT } from "../../posix/epoll.ts";
import { EAGAIN, ECONNREFUSED, EINTR, EISCONN, systemError } from "../../posix/errors.ts";
import { AF_INET, AF_INET6, encodeAddress } from "../../posix/sockaddr.ts";
import {
  hearOwnGroupsOnly,
  type MulticastOptions,
  setMembership,
  setMulticast,
  setOption,
} from "../../posix/socket-options.ts";
import {
  beginConnect,
  bindSocket,
  closeDescriptor,
  describeAddress,
  filledAddress,
  localAddressOf,
  openSocket,
  receiveFrom,
  SOCK_DGRAM,
  send,
  sendTo,
} from "../../posix/sockets.ts";
import { addressOf } from "./names.ts";
import type { Poller, Watch, Watcher } from "./poller.ts";

const HIGH_WATER_BYTES = 64 * 1024;
/** No datagram of the internet protocols is larger. */
const READ_BYTES = 64 * 1024;
const READ_SIZE = BigInt(READ_BYTES);
/** How many are received in one turn, lest a flood keep others waiting. */
const MOST_IN_A_TURN = 64;

let sharedBuffer: Buffer | undefined;

interface Datagram {
  readonly bytes: Uint8Array;
  /** An encoded address; `undefined` for the peer. */
  readonly to: Uint8Array | undefined;
}

/** Addresses with numeric hosts. */
export interface ResolvedDatagramOptions extends DatagramOptions {
  readonly family: 4 | 6;
}

export class PolledDatagrams implements DatagramTransport, Watcher {
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress | undefined;
  readonly #poller: Poller;
  readonly #watch: Watch;
  readonly #protocol: DatagramProtocol;
  readonly #family: number;
  readonly #buffer: Buffer;
  #queue: Datagram[] = [];
  #bufferedBytes = 0;
  #isFull = false;
  #isReadingPaused = false;
  #state: "open" | "closing" | "lost" = "open";

  /** Calls `connectionMade`. @throws SystemError */
  constructor(poller: Poller, options: ResolvedDatagramOptions, protocol: DatagramProtocol) {
    this.#poller = poller;
    this.#protocol = protocol;
    this.#family = options.family === 6 ? AF_INET6 : AF_INET;
    sharedBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES);
    this.#buffer = sharedBuffer;
    poller.open();
    const fd = openDatagramSocket(options, this.#family);
    this.localAddress = localAddressOf(fd) as SocketAddress;
    this.remoteAddress = options.remote;
    this.#watch = poller.watch(fd, this);
    protocol.connectionMade(this);
    this.#ask();
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  sendTo(bytes: Uint8Array, to?: SocketAddress): void {
    if (this.#state !== "open") return;
    const peer = this.remoteAddress;
    if (to === undefined || (to.host === peer?.host && to.port === peer.port)) {
      this.#send({ bytes, to: undefined });
    } else if (peer !== undefined) {
      this.#tell(systemError(EISCONN, "sendto", describeAddress(to)));
    } else if (isIP(to.host) !== 0) {
      this.#sendEncoded(bytes, to);
    } else {
      // It may be overtaken meanwhile, as datagrams may.
      void addressOf(to, this.#family === AF_INET6 ? 6 : 4).then(
        (numeric) => {
          if (this.#state === "open") this.#sendEncoded(bytes, numeric);
        },
        (error: Error) => this.#tell(error),
      );
    }
  }

  joinGroup(group: string, interfaceAddress?: string): void {
    setMembership(this.#watch.fd, true, group, interfaceAddress);
  }

  leaveGroup(group: string, interfaceAddress?: string): void {
    setMembership(this.#watch.fd, false, group, interfaceAddress);
  }

  setMulticast(options: MulticastOptions): void {
    setMulticast(this.#watch.fd, this.#family, options);
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
    if (this.#queue.length === 0) this.#lose();
    else this.#ask();
  }

  abort(): void {
    this.#lose();
  }

  ready(): void {
    if (this.#queue.length > 0) this.#flush();
    for (let count = 0; count < MOST_IN_A_TURN && this.#isReading; count++) {
      const size = receiveFrom(this.#watch.fd, this.#buffer, READ_SIZE);
      if (size === -EAGAIN) return;
      if (size >= 0) {
        const from = filledAddress() as SocketAddress;
        const bytes = Buffer.allocUnsafe(Math.min(size, READ_BYTES));
        this.#buffer.copy(bytes, 0, 0, bytes.length);
        this.#protocol.datagramReceived(bytes, from);
      } else if (size !== -EINTR) {
        this.#protocol.errorReceived(systemError(-size, "recvfrom", this.#peer));
      }
    }
  }

  dropped(): void {
    this.#lose();
  }

  get #isReading(): boolean {
    return this.#state === "open" && !this.#isReadingPaused;
  }

  get #peer(): string {
    return this.remoteAddress === undefined ? "" : describeAddress(this.remoteAddress);
  }

  #ask(): void {
    if (this.#state === "lost") return;
    this.#watch.want((this.#isReading ? EPOLLIN : 0) | (this.#queue.length > 0 ? EPOLLOUT : 0));
  }

  #sendEncoded(bytes: Uint8Array, to: SocketAddress): void {
    let encoded: Uint8Array;
    try {
      encoded = encodeAddress(to, this.#family);
    } catch (error) {
      this.#tell(error as Error);
      return;
    }
    this.#send({ bytes, to: encoded });
  }

  #send(datagram: Datagram): void {
    if (this.#queue.length === 0 && this.#isSent(datagram)) return;
    this.#queue.push(datagram);
    this.#bufferedBytes += datagram.bytes.length;
    this.#ask();
    if (this.#isFull || this.#bufferedBytes <= HIGH_WATER_BYTES) return;
    this.#isFull = true;
    this.#protocol.pauseWriting();
  }

  /** Sends it, or tells why it cannot be sent; `false` if the system takes none now. */
  #isSent({ bytes, to }: Datagram): boolean {
    const { fd } = this.#watch;
    for (let isRepeated = false; ; isRepeated = true) {
      const result = to === undefined ? send(fd, bytes) : sendTo(fd, bytes, to);
      if (result >= 0) return true;
      if (result === -EAGAIN) return false;
      if (result === -EINTR) continue;
      this.#tell(systemError(-result, "sendto", this.#peer));
      if (result !== -ECONNREFUSED || isRepeated) return true;
    }
  }

  #flush(): void {
    let count = 0;
    for (const datagram of this.#queue) {
      if (!this.#isSent(datagram)) break;
      this.#bufferedBytes -= datagram.bytes.length;
      count++;
    }
    this.#queue.splice(0, count);
    if (this.#queue.length > 0) return;
    if (this.#state === "closing") {
      this.#lose();
      return;
    }
    this.#ask();
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#protocol.resumeWriting();
  }

  #tell(error: Error): void {
    this.#poller.soon(() => {
      if (this.#state !== "lost") this.#protocol.errorReceived(error);
    });
  }

  #lose(): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    this.#queue = [];
    this.#bufferedBytes = 0;
    this.#watch.close();
    this.#poller.soon(() => this.#protocol.connectionLost(undefined));
  }
}

function openDatagramSocket(options: ResolvedDatagramOptions, family: number): number {
  const { local, remote } = options;
  const fd = openSocket({ family, type: SOCK_DGRAM, isBlocking: false });
  try {
    if (options.reuseAddress === true) setOption(fd, "reuseAddress", 1);
    if (options.reusePort === true) setOption(fd, "reusePort", 1);
    hearOwnGroupsOnly(fd, family);
    if (options.broadcast === true) setOption(fd, "broadcast", 1);
    const anywhere = { host: family === AF_INET6 ? "::" : "0.0.0.0", port: 0 };
    // With a peer the system chooses the address that leads there.
    if (local !== undefined || remote === undefined) bindSocket(fd, local ?? anywhere, family);
    if (remote !== undefined) {
      const result = beginConnect(fd, remote, family);
      if (result < 0) throw systemError(-result, "connect", describeAddress(remote));
    }
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}
