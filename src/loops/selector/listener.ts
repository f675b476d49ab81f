/**
 * A listening socket.
 *
 * When descriptors or memory run out, the connections stay with the system: the operator is told, and accepting pauses for a while, because
 * the socket stays readable and would be tried without end. A connection that was gone before it was accepted is nobody's business.
 */
import { chmodSync } from "node:fs";
import { ACCEPT_RETRY_MS } from "../../kernel/accept-failures.ts";
import type { Address } from "../../kernel/addresses.ts";
import type { AcceptHandler, ListenOptions, NetworkListener, Protocol } from "../../kernel/network.ts";
import type { Timer } from "../../kernel/ports.ts";
import { EPOLLIN } from "../../posix/epoll.ts";
import { EAGAIN, ECONNABORTED, EINTR, systemError } from "../../posix/errors.ts";
import { AF_INET6, AF_UNIX, familyOf } from "../../posix/sockaddr.ts";
import { setOption } from "../../posix/socket-options.ts";
import {
  accept,
  bindSocket,
  closeDescriptor,
  filledAddress,
  listenOn,
  localAddressOf,
  openSocket,
  SOCK_STREAM,
} from "../../posix/sockets.ts";
import { SocketName } from "../socket-name.ts";
import type { Poller, Watch, Watcher } from "./poller.ts";
import { PolledTransport } from "./transport.ts";

const BACKLOG = 1024;
/** How many are accepted in one turn, lest they keep those waiting that are connected. */
const MOST_IN_A_TURN = 64;

/** Calls back after a while. */
export type Delay = (ms: number, callback: () => void) => Timer;

export class PolledListener implements NetworkListener, Watcher {
  readonly address: Address;
  readonly #poller: Poller;
  readonly #delay: Delay;
  readonly #handler: AcceptHandler;
  readonly #watch: Watch;
  readonly #isWildcard: boolean;
  readonly #name: SocketName | undefined;
  #pause: Timer | undefined;
  #closed: Promise<void> | undefined;

  /** `options.address` has a numeric host or a path. @throws SystemError */
  constructor(poller: Poller, delay: Delay, options: ListenOptions, handler: AcceptHandler) {
    this.#poller = poller;
    this.#delay = delay;
    this.#handler = handler;
    poller.open();
    const fd = openListening(options);
    this.address = localAddressOf(fd);
    this.#name = SocketName.of(this.address);
    this.#isWildcard = "host" in this.address && /^[0:.]+$/.test(this.address.host);
    this.#watch = poller.watch(fd, this);
    this.#watch.want(EPOLLIN);
  }

  ready(): void {
    for (let count = 0; count < MOST_IN_A_TURN && this.#closed === undefined; count++) {
      const fd = accept(this.#watch.fd, false);
      if (fd >= 0) {
        this.#serve(fd);
      } else if (fd === -EAGAIN) {
        return;
      } else if (fd !== -ECONNABORTED && fd !== -EINTR) {
        this.#rest(-fd);
        return;
      }
    }
  }

  dropped(): void {
    void this.close();
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#pause?.cancel();
      this.#watch.close();
      // As Node does: the name goes with its listener.
      this.#name?.remove();
      this.#closed = new Promise((resolve) => this.#poller.soon(resolve));
    }
    return this.#closed;
  }

  #serve(fd: number): void {
    const remoteAddress = filledAddress();
    let protocol: Protocol;
    let localAddress = this.address;
    try {
      if (!("path" in localAddress)) {
        setOption(fd, "noDelay", 1);
        if (this.#isWildcard) localAddress = localAddressOf(fd);
      }
      protocol = this.#handler.accepted();
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
    new PolledTransport(this.#poller, fd, { localAddress, remoteAddress }, protocol);
  }

  /** Leaves the connections where they are for a while. */
  #rest(errno: number): void {
    this.#watch.want(0);
    this.#pause = this.#delay(ACCEPT_RETRY_MS, () => {
      this.#pause = undefined;
      this.#watch.want(EPOLLIN);
    });
    this.#handler.acceptFailed(systemError(errno, "accept"));
  }
}

function openListening(options: ListenOptions): number {
  const { address, backlog = BACKLOG, ipv6Only = false, reusePort = false } = options;
  const family = familyOf(address) as number;
  const fd = openSocket({ family, type: SOCK_STREAM, isBlocking: false });
  try {
    if (family !== AF_UNIX) {
      // A restarted server gets its port back at once.
      setOption(fd, "reuseAddress", 1);
      if (reusePort) setOption(fd, "reusePort", 1);
      if (family === AF_INET6) setOption(fd, "ipv6Only", ipv6Only ? 1 : 0);
    }
    bindSocket(fd, address);
    listenOn(fd, backlog);
    if ("path" in address && options.mode !== undefined) chmodSync(address.path, options.mode);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}
