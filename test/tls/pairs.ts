/** Pairs of TLS streams over the current loop's network. */
import { taskGroup } from "coppice";
import {
  type SocketStream,
  type TlsClientOptions,
  type TlsServerOptions,
  type TlsStream,
  tlsClient,
  tlsServer,
} from "coppice/net";
import { withPair } from "../support/streams.ts";
import { clientContext, serverContext } from "./identities.ts";

export type TlsSocket = TlsStream<SocketStream>;

interface PairOptions {
  readonly client?: Partial<TlsClientOptions>;
  readonly server?: Partial<TlsServerOptions>;
}

const trusting = clientContext();
const serving = serverContext();

/** Two ends that have not shaken hands; what `body` leaves open is aborted. */
export function withNewTlsPair<T>(
  body: (client: TlsSocket, server: TlsSocket) => T | PromiseLike<T>,
  { client = {}, server = {} }: PairOptions = {},
): Promise<T> {
  return withPair(async (below, opposite) => {
    const clientEnd = tlsClient(below, { context: trusting, serverName: "localhost", ...client });
    const serverEnd = tlsServer(opposite, { context: serving, ...server });
    try {
      return await body(clientEnd, serverEnd);
    } finally {
      clientEnd.abort();
      serverEnd.abort();
    }
  });
}

/** Two ends of a secure connection. */
export function withTlsPair<T>(
  body: (client: TlsSocket, server: TlsSocket) => T | PromiseLike<T>,
  options: PairOptions = {},
): Promise<T> {
  return withNewTlsPair(async (client, server) => {
    await shakeHands(client, server);
    return body(client, server);
  }, options);
}

export async function shakeHands(client: TlsStream, server: TlsStream): Promise<void> {
  await taskGroup(async (group) => {
    group.spawn(() => client.handshake());
    await server.handshake();
  });
}
