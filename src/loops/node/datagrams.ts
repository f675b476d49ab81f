/**
 * Datagrams through `node:dgram`.
 *
 * - An endpoint has one family: that of an address it is given; of a name's addresses, the first of the family asked for.
 * - `node:dgram` cannot stop reading. What comes while the protocol has paused is kept up to a bound and dropped beyond (`ReceiveQueue`).
 * - Each datagram is counted until Node calls back for it; that count is `bufferedBytes`, the marks watch it, and `close` waits for it.
 * - An error of a datagram (`EMSGSIZE`, or that its peer's machine did not want it) is told and ends nothing.
 *   Node gives some with the datagram and some as an event; both are told in one way.
 */
import dgram from "node:dgram";
import { isIP } from "node:net";
import type { SocketAddress } from "../../kernel/addresses.ts";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../../kernel/datagrams.ts";
import { systemError } from "../../kernel/system-error.ts";
import { ReceiveQueue } from "../receive-queue.ts";
import { lookUp } from "./names.ts";

const HIGH_WATER_BYTES = 64 * 1024;

/** Opens an endpoint; rejects with the system's error. */
export async function openDatagrams(
  options: DatagramOptions,
  protocol: DatagramProtocol,
  turnBegan: () => void,
): Promise<DatagramTransport> {
  const remote = options.remote && (await addressOf(options.remote, familyOf(options.local) ?? options.family));
  const local = options.local && (await addressOf(options.local, familyOf(remote) ?? options.family));
  const family = familyOf(local) ?? familyOf(remote) ?? options.family ?? 4;
  const socket = dgram.createSocket({
    type: family === 6 ? "udp6" : "udp4",
    reuseAddr: options.reuseAddress ?? false,
    reusePort: options.reusePort ?? false,
  });
  try {
    if (local !== undefined || remote === undefined) {
      await settled(socket, "listening", () =>
        socket.bind({ port: local?.port ?? 0, exclusive: true, ...(local && { address: local.host }) }),
      );
    }
    if (remote !== undefined) await settled(socket, "connect", () => socket.connect(remote.port, remote.host));
    if (options.broadcast === true) socket.setBroadcast(true);
    turnBegan();
    return new NodeDatagrams(socket, remote, protocol, turnBegan);
  } catch (error) {
    socket.close();
    throw error;
  }
}

class NodeDatagrams implements DatagramTransport {
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress | undefined;
  readonly #socket: dgram.Socket;
  readonly #protocol: DatagramProtocol;
  readonly #queue: ReceiveQueue;
  #bufferedBytes = 0;
  /** How many datagrams, empty ones included, Node has not called back for. */
  #pending = 0;
  #isFull = false;
  #state: "open" | "flushing" | "closed" = "open";

  constructor(
    socket: dgram.Socket,
    remote: SocketAddress | undefined,
    protocol: DatagramProtocol,
    turnBegan: () => void,
  ) {
    const { address, port } = socket.address();
    this.localAddress = { host: address, port };
    this.remoteAddress = remote;
    this.#socket = socket;
    this.#protocol = protocol;
    this.#queue = new ReceiveQueue(
      (bytes, from) => {
        if (this.#state === "open") protocol.datagramReceived(bytes, from);
      },
      (callback) => setImmediate(callback),
    );
    socket.on("message", (bytes, from) => {
      turnBegan();
      this.#queue.push(bytes, { host: from.address, port: from.port });
    });
    socket.on("error", (error) => {
      turnBegan();
      if (this.#state !== "closed") protocol.errorReceived(error);
    });
    socket.on("close", () => {
      turnBegan();
      protocol.connectionLost(undefined);
    });
    protocol.connectionMade(this);
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  sendTo(bytes: Uint8Array, to?: SocketAddress): void {
    if (this.#state !== "open") return;
    this.#pending++;
    this.#bufferedBytes += bytes.length;
    const sent = (error: unknown): void => this.#sent(bytes.length, error);
    const objection = this.#objectTo(to);
    try {
      if (objection !== undefined) setImmediate(sent, objection);
      else if (to === undefined || this.remoteAddress !== undefined) this.#socket.send(bytes, sent);
      else this.#socket.send(bytes, to.port, to.host, sent);
    } catch (error) {
      // An invalid port is thrown at once; the protocol hears of every failure in one way.
      setImmediate(sent, error);
    }
    if (!this.#isFull && this.#bufferedBytes > HIGH_WATER_BYTES) {
      this.#isFull = true;
      this.#protocol.pauseWriting();
    }
  }

  joinGroup(group: string, interfaceAddress?: string): void {
    this.#socket.addMembership(group, interfaceAddress);
  }

  leaveGroup(group: string, interfaceAddress?: string): void {
    this.#socket.dropMembership(group, interfaceAddress);
  }

  setMulticast(options: { ttl?: number; loopback?: boolean; interfaceAddress?: string }): void {
    const { ttl, loopback, interfaceAddress } = options;
    if (ttl !== undefined) this.#socket.setMulticastTTL(ttl);
    if (loopback !== undefined) this.#socket.setMulticastLoopback(loopback);
    if (interfaceAddress !== undefined) this.#socket.setMulticastInterface(interfaceAddress);
  }

  pauseReading(): void {
    this.#queue.pause();
  }

  resumeReading(): void {
    this.#queue.resume();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "flushing";
    this.#queue.clear();
    if (this.#pending === 0) this.abort();
  }

  abort(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#queue.clear();
    this.#bufferedBytes = 0;
    this.#socket.close();
  }

  #objectTo(to: SocketAddress | undefined): Error | undefined {
    const peer = this.remoteAddress;
    if (to === undefined) return peer === undefined ? systemError("EDESTADDRREQ", "send") : undefined;
    if (peer === undefined || (peer.host === to.host && peer.port === to.port)) return undefined;
    return systemError("EISCONN", "send", to);
  }

  #sent(size: number, error: unknown): void {
    this.#pending--;
    if (this.#state === "closed") return;
    this.#bufferedBytes -= size;
    if (error instanceof Error) this.#protocol.errorReceived(error);
    if (this.#pending > 0 || this.#isClosed) return;
    if (this.#state === "flushing") {
      this.abort();
    } else if (this.#isFull) {
      this.#isFull = false;
      this.#protocol.resumeWriting();
    }
  }

  /** Asked anew after a protocol was called, which may have closed it. */
  get #isClosed(): boolean {
    return this.#state === "closed";
  }
}

function familyOf(address: SocketAddress | undefined): 4 | 6 | undefined {
  const family = isIP(address?.host ?? "");
  return family === 0 ? undefined : (family as 4 | 6);
}

/** With the name's address of that family; without one of it, or with no family asked for: an IPv4 one if there is any. */
async function addressOf({ host, port }: SocketAddress, family: 4 | 6 = 4): Promise<SocketAddress> {
  const found = await lookUp(host);
  return { host: (found.find((one) => one.family === family) ?? found[0]!).address, port };
}

/** Waits for `event`, or the error in its place. */
function settled(socket: dgram.Socket, event: string, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = (error?: Error): void => {
      socket.removeListener("error", over);
      socket.removeListener(event, over);
      if (error instanceof Error) reject(error);
      else resolve();
    };
    socket.once("error", over);
    socket.once(event, over);
    begin();
  });
}
