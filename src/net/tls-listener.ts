/**
 * Listening for TLS connections: over TCP, and over whatever else accepts streams.
 *
 * A connection is handed out before its handshake, which is done by the first use of it: in the task that serves it, so one that is slow,
 * or speaks no TLS, holds up nobody else. Rejected: doing handshakes in `accept`, one after the other, or in tasks that nobody owns.
 */
import type { SocketAddress } from "../kernel/addresses.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import type { ByteStream, SocketStream } from "../streams/byte-stream.ts";
import { checkStream } from "../streams/check-stream.ts";
import type { Listener } from "../streams/listener.ts";
import { serverRole, type TlsServerOptions, tlsLimits } from "../tls/options.ts";
import { type ListenTcpOptions, listen, type TcpListener } from "./listener.ts";
import { tlsServer } from "./tls.ts";
import type { TlsStream } from "./tls-stream.ts";
import { UntilClosed } from "./until-closed.ts";

/** Accepts TLS connections over TCP. */
export interface TlsListener extends Listener<TlsStream<SocketStream>> {
  readonly address: SocketAddress;
}

/**
 * Listens for TLS connections on a TCP address. Each connection does its handshake when it is first used, in the task that serves it; for
 * what was agreed on, call its `handshake()`. One that fails is a `TlsError` there, which `serve` takes for a lost connection. Always
 * a checkpoint.
 *
 * @throws ListenError if the address cannot be had.
 * @throws TypeError if `context` has no certificate.
 */
export function listenTls(options: ListenTcpOptions & TlsServerOptions): Promise<TlsListener> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => listenTls(options));
  return quietly(async () => {
    checkServer("listenTls", options);
    return new SocketTlsListener(await listen(options), options);
  });
}

/**
 * TLS on top of a listener, which belongs to the result from here on: as `listenTls`, over whatever it accepts.
 *
 * @throws TypeError if `context` has no certificate.
 */
export function tlsListener<S extends ByteStream>(
  listener: Listener<S>,
  options: TlsServerOptions,
): Listener<TlsStream<S>> {
  checkServer("tlsListener", options);
  checkStream("tlsListener", listener, "accept", "close");
  return new StreamTlsListener(listener, options);
}

function checkServer(where: string, options: TlsServerOptions): void {
  serverRole(where, options);
  tlsLimits(where, options);
}

class StreamTlsListener<S extends ByteStream, L extends Listener<S>> implements Listener<TlsStream<S>> {
  protected readonly listener: L;
  readonly #options: TlsServerOptions;

  constructor(listener: L, options: TlsServerOptions) {
    this.listener = listener;
    this.#options = options;
  }

  accept(): Promise<TlsStream<S>> {
    return quietly(async () => tlsServer(await this.listener.accept(), this.#options));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<TlsStream<S>, undefined> {
    return new UntilClosed(() => this.accept());
  }

  close(): Promise<void> {
    return this.listener.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class SocketTlsListener extends StreamTlsListener<SocketStream, TcpListener> implements TlsListener {
  get address(): SocketAddress {
    return this.listener.address;
  }
}
