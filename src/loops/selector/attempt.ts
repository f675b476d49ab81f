/**
 * Making a connection: the addresses of a name are tried one after the other, and the error of the last one is told.
 * (Racing them is the business of the layer that opens streams.)
 *
 * On one machine a connection stands as soon as it is asked for, and may be reset before this loop hears that it stood. So it is looked
 * at at once: a reset then is the end of a connection, as with a peer far away, and no failure to connect.
 */
import { isIP } from "node:net";
import type { Address } from "../../kernel/addresses.ts";
import type { ConnectOptions, Protocol } from "../../kernel/network.ts";
import { EPOLLOUT } from "../../posix/epoll.ts";
import { ECONNRESET, EINPROGRESS, systemError } from "../../posix/errors.ts";
import { AF_UNIX, familyOf } from "../../posix/sockaddr.ts";
import { setOption, takeError } from "../../posix/socket-options.ts";
import {
  beginConnect,
  bindSocket,
  describeAddress,
  localAddressOf,
  openSocket,
  peerOf,
  SOCK_STREAM,
} from "../../posix/sockets.ts";
import { lookUp } from "../node/names.ts";
import type { Poller, Watch, Watcher } from "./poller.ts";
import { type Ends, PolledTransport } from "./transport.ts";

export class Attempt implements Watcher {
  readonly #poller: Poller;
  readonly #protocol: Protocol;
  readonly #localHost: string | undefined;
  #rest: Address[] = [];
  #target: Address;
  #watch: Watch | undefined;
  #ends: Ends | undefined;
  #isOver = false;

  constructor(poller: Poller, { address, localHost }: ConnectOptions, protocol: Protocol) {
    this.#poller = poller;
    this.#protocol = protocol;
    this.#localHost = localHost;
    this.#target = address;
    if ("path" in address || isIP(address.host) !== 0) this.#begin();
    else this.#resolve(address.host, address.port);
  }

  /** Gives up; does nothing once it is over. */
  abandon(): void {
    this.#end(undefined);
  }

  ready(): void {
    const watch = this.#watch as Watch;
    const failure = this.#ends === undefined ? takeError(watch.fd) : 0;
    this.#ends ??= this.#endsIfConnected(watch.fd);
    if (this.#ends === undefined) {
      watch.close();
      // Without a failure of its own, it was made and lost in between.
      this.#next(systemError(failure || ECONNRESET, "connect", describeAddress(this.#target)));
      return;
    }
    this.#isOver = true;
    // The transport watches in its own way.
    this.#poller.remove(watch);
    new PolledTransport(this.#poller, watch.fd, this.#ends, this.#protocol);
  }

  dropped(): void {
    this.abandon();
  }

  #resolve(host: string, port: number): void {
    void lookUp(host).then(
      (found) => {
        if (this.#isOver) return;
        this.#rest = found.map(({ address }) => ({ host: address, port }));
        this.#target = this.#rest.shift() as Address;
        this.#begin();
      },
      (error: Error) => this.#end(error),
    );
  }

  #begin(): void {
    let watch: Watch | undefined;
    try {
      this.#poller.open();
      const family = familyOf(this.#target) as number;
      watch = this.#poller.watch(openSocket({ family, type: SOCK_STREAM, isBlocking: false }), this);
      if (family !== AF_UNIX) setOption(watch.fd, "noDelay", 1);
      if (this.#localHost !== undefined) bindSocket(watch.fd, { host: this.#localHost, port: 0 });
      const result = beginConnect(watch.fd, this.#target);
      if (result < 0 && result !== -EINPROGRESS) {
        throw systemError(-result, "connect", describeAddress(this.#target));
      }
      this.#watch = watch;
      this.#ends = this.#endsIfConnected(watch.fd);
      // Also where it stands already, as Unix sockets do: the protocol is never called from within `connect`.
      watch.want(EPOLLOUT);
    } catch (error) {
      watch?.close();
      this.#next(error as Error);
    }
  }

  #next(error: Error): void {
    this.#watch = undefined;
    const target = this.#rest.shift();
    if (target === undefined) {
      this.#end(error);
    } else {
      this.#target = target;
      this.#begin();
    }
  }

  #end(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch?.close();
    this.#poller.soon(() => this.#protocol.connectionLost(error));
  }

  #endsIfConnected(fd: number): Ends | undefined {
    const peer = peerOf(fd);
    if (peer === undefined) return undefined;
    if ("path" in this.#target) return { localAddress: { path: "" }, remoteAddress: this.#target };
    return { localAddress: localAddressOf(fd), remoteAddress: peer };
  }
}
