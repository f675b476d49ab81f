/** TLS connections as byte streams: over TCP, and over any other stream. */
import { checkOptions } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { moveOnAfter } from "../kernel/scopes.ts";
import type { ByteStream, SocketStream } from "../streams/byte-stream.ts";
import { checkStream } from "../streams/check-stream.ts";
import { TlsError } from "../tls/errors.ts";
import { clientRole, serverRole, type TlsClientOptions, type TlsServerOptions, tlsLimits } from "../tls/options.ts";
import { DEFAULT_HOST } from "./hosts.ts";
import { openTcp, type TcpOptions } from "./tcp.ts";
import { TlsStream } from "./tls-stream.ts";

/** How long a refusal may take to be told. */
const ALERT_TIMEOUT_MS = 1_000;

/** Where to connect, and what `tlsClient` takes; `serverName` is `host` unless it is given. */
export type OpenTlsOptions = TcpOptions & Omit<TlsClientOptions, "serverName"> & Partial<TlsClientOptions>;

/**
 * Connects to a TLS server over TCP, and does the handshake. The server's certificate is verified, for `serverName` or else `host`.
 * Always a checkpoint; cancelled, the attempt is abandoned.
 *
 * @throws ConnectError if the connection cannot be made.
 * @throws TlsError if the handshake failed, or the server is not who it should be.
 *
 * @example
 * ```ts
 * await using stream = await openTls({ host: "example.com", port: 443, requireCloseNotify: false });
 * ```
 */
export function openTls(options: OpenTlsOptions): Promise<TlsStream<SocketStream>> {
  const scope = currentNode();
  if (mustDetour(scope)) return detour(scope, () => openTls(options));
  return quietly(async () => {
    checkOptions("openTls", options);
    const serverName = options.serverName ?? options.host ?? DEFAULT_HOST;
    // Before there is a connection to close.
    clientRole("openTls", { ...options, serverName });
    tlsLimits("openTls", options);
    const stream = tlsClient(await openTcp(options), { ...options, serverName });
    try {
      await stream.handshake();
    } catch (error) {
      // The peer should hear why, if there is an alert that says so.
      if (error instanceof TlsError) await moveOnAfter(ALERT_TIMEOUT_MS, () => stream.close());
      stream.abort();
      throw error;
    }
    return stream;
  });
}

/**
 * The client's side of TLS over `stream`, which belongs to the TLS stream from here on. The handshake is done by `handshake()`, or by
 * the first use.
 *
 * @throws TypeError if `serverName` is missing, or `context` was not made by `tlsContext`.
 * @throws RangeError if a timeout is no duration.
 */
export function tlsClient<S extends ByteStream>(stream: S, options: TlsClientOptions): TlsStream<S> {
  checkStream("tlsClient", stream, "send", "receive", "close", "abort");
  return new TlsStream(stream, clientRole("tlsClient", options), tlsLimits("tlsClient", options));
}

/**
 * The server's side of TLS over `stream`, which belongs to the TLS stream from here on. The handshake is done by `handshake()`, or by
 * the first use.
 *
 * @throws TypeError if `context` has no certificate, or was not made by `tlsContext`.
 * @throws RangeError if a timeout is no duration.
 */
export function tlsServer<S extends ByteStream>(stream: S, options: TlsServerOptions): TlsStream<S> {
  checkStream("tlsServer", stream, "send", "receive", "close", "abort");
  return new TlsStream(stream, serverRole("tlsServer", options), tlsLimits("tlsServer", options));
}
