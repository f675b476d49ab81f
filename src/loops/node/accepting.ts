/**
 * Accepting connections of a `net.Server`.
 *
 * Node makes a socket for each connection, which cannot be told to read into a shared buffer; only a socket that one makes oneself
 * can. So the server's handle is asked for the connection's handle, before Node makes a socket around it. These handles are
 * not documented; where they are not as expected, Node's socket is taken as it is and read in the ordinary way.
 *
 * When descriptors run out, libuv tells nobody: it closes each connection that arrives, until there are some again. What can
 * be seen is that a connection took the last one, the numbers being given out from below; that is reported, once in a while.
 */
import { readFileSync } from "node:fs";
import type net from "node:net";
import type { Address } from "../../kernel/addresses.ts";
import type { AcceptHandler } from "../../kernel/network.ts";
import { systemError } from "../../kernel/system-error.ts";
import { SocketTransport } from "./socket-transport.ts";
import { intoSharedBuffer, TransportSocket } from "./transport-socket.ts";

/** After so long a silence a peer is asked for a sign of life; one that has vanished is lost some ten seconds later. */
export const KEEP_ALIVE_MS = 60_000;
const REPORT_INTERVAL_MS = 1_000;
const UNNAMED: Address = { path: "" };

/** A connection's handle, as far as it is used here. */
interface ConnectionHandle {
  readonly fd?: number;
  setNoDelay?(isOn: boolean): void;
  setKeepAlive?(isOn: boolean, seconds: number): void;
  getpeername?(into: Partial<net.AddressInfo>): number;
}

/** A listening server's handle. `status` is 0, or the number of an error. */
interface ServerHandle {
  onconnection?: (status: number, handle?: ConnectionHandle) => void;
}

/** The options of a server whose connections are to be accepted here. */
export const acceptingOptions: net.ServerOpts = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_MS,
  pauseOnConnect: true,
};

/** Hands the connections of `server`, which listens at `address`, to `handler`. */
export function acceptFrom(server: net.Server, address: Address, handler: AcceptHandler, turnBegan: () => void): void {
  const acceptor = new Acceptor(address, handler, turnBegan);
  server.on("error", (error) => acceptor.failed(error));
  server.on("connection", (socket) => acceptor.acceptSocket(socket as TransportSocket));
  const { _handle: listening } = server as { _handle?: ServerHandle };
  const ordinary = listening?.onconnection;
  if (listening === undefined || ordinary === undefined) return;
  listening.onconnection = (status, handle) => {
    if (status === 0 && handle !== undefined) acceptor.acceptHandle(handle);
    else ordinary.call(listening, status, handle);
  };
}

class Acceptor {
  readonly #address: Address;
  /** What a connection's local address is, if the listener has no other. */
  readonly #local: Address | undefined;
  readonly #handler: AcceptHandler;
  readonly #turnBegan: () => void;
  readonly #lastDescriptor = descriptorLimit() - 1;
  #reportedAt = -Infinity;

  constructor(address: Address, handler: AcceptHandler, turnBegan: () => void) {
    this.#address = address;
    this.#local = "path" in address || !isAny(address.host) ? address : undefined;
    this.#handler = handler;
    this.#turnBegan = turnBegan;
  }

  acceptHandle(handle: ConnectionHandle): void {
    this.#turnBegan();
    handle.setNoDelay?.(true);
    handle.setKeepAlive?.(true, KEEP_ALIVE_MS / 1_000);
    // The types know only a newer, public use of `handle`.
    const adopting = { handle, allowHalfOpen: true, onread: intoSharedBuffer } as unknown as net.SocketConstructorOpts;
    const socket = new TransportSocket(adopting);
    const peer: Partial<net.AddressInfo> = {};
    handle.getpeername?.(peer);
    this.#serve(socket, this.#local, peer.address, peer.port);
    if (handle.fd === this.#lastDescriptor) {
      this.failed(
        systemError("EMFILE", "accept: no descriptor is left, further connections are dropped:", this.#address),
      );
    }
  }

  /** In the ordinary way. */
  acceptSocket(socket: TransportSocket): void {
    this.#turnBegan();
    // It does not ask for its address before it is gone, as ours do.
    const local = this.#local ?? { host: socket.localAddress ?? "", port: socket.localPort ?? 0 };
    this.#serve(socket, local, socket.remoteAddress, socket.remotePort);
    socket.on("data", (bytes) => socket.owner?.received(bytes as Buffer));
    socket.resume();
  }

  failed(error: Error): void {
    const now = performance.now();
    if (now - this.#reportedAt < REPORT_INTERVAL_MS) return;
    this.#reportedAt = now;
    this.#handler.acceptFailed(error);
  }

  #serve(socket: TransportSocket, local: Address | undefined, host = "", port = 0): void {
    const ends = { local, remote: "path" in this.#address ? UNNAMED : { host, port } };
    new SocketTransport(socket, ends, this.#handler.accepted(), this.#turnBegan);
  }
}

function isAny(host: string): boolean {
  return host === "::" || host === "0.0.0.0";
}

/** How many descriptors this process may have; without limit where the system does not say. */
function descriptorLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return limit === null ? Infinity : Number(limit[1]);
  } catch {
    return Infinity;
  }
}
