/**
 * Services and their callers: JSON-RPC peers on listeners and connections, opened and closed in order.
 */

import { callBody, type Returned } from "../kernel/body.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentScope } from "../kernel/scope.ts";
import { moveOnAfter } from "../kernel/scopes.ts";
import { taskGroup } from "../kernel/task-group.ts";
import { serve } from "../net/serve.ts";
import { openTcp } from "../net/tcp.ts";
import type { ByteStream } from "../streams/byte-stream.ts";
import type { Listener } from "../streams/listener.ts";
import { parseEndpoint } from "./endpoint.ts";
import type { Methods } from "./methods.ts";
import { type Peer, PeerConnection } from "./peer.ts";
import { type PeerOptions, type PeerSettings, peerSettings } from "./peer-options.ts";

/** How long a peer that does not read may hold up the end of `withPeer`. */
const CLOSE_MS = 5_000;

/**
 * Serves `methods` to every connection of `listener`, until it is closed or a stop is asked of a scope around:
 * then it stops accepting, refuses new requests, answers those that it has begun, and closes the connections; the grace
 * period cancels what takes longer. The listener is closed on every way out.
 *
 * @throws TypeError if a method's name is reserved.
 * @throws RangeError if a limit is not a whole number of at least 1.
 *
 * @example
 * ```ts
 * await run(async () => {
 *   const listener = await listen({ port: 8000 });
 *   await serveRpc(listener, { add: (a: number, b: number) => a + b });
 * });
 * ```
 */
export function serveRpc(
  listener: Listener,
  methods: Methods,
  options: Omit<PeerOptions, "methods"> = {},
): Promise<void> {
  return quietly(async () => {
    let settings: PeerSettings;
    try {
      settings = peerSettings({ ...options, methods });
    } catch (error) {
      await listener.close();
      throw error;
    }
    await serve(listener, (stream) => new PeerConnection(stream, settings).run(false));
  });
}

/**
 * Serves `methods` on one connection until it is over, or a stop is asked of a scope around. Does not close the stream.
 * End-of-file from the peer is its end: requests that still wait are cancelled, as nobody may be left to answer to.
 * For servers with something of their own to do for each connection; errors as for `serveRpc`.
 */
export function servePeer(stream: ByteStream, options: PeerOptions): Promise<void> {
  return quietly(async () => new PeerConnection(stream, peerSettings(options)).run(false));
}

/**
 * Connects (to a URL, `tcp://HOST:PORT`) or takes a stream over, runs `body` with the peer at its other end, and closes the
 * connection when `body` is done; a peer that does not read has 5 s for what it was sent. What the peer calls here runs
 * meanwhile. The connection's end fails the calls that wait, not `body` itself. Asked to stop, it refuses new requests of the peer; ending is up to `body`.
 *
 * @throws ConnectError if the connection cannot be made.
 * @throws TypeError if the URL is not understood, or a method's name is reserved.
 * @throws RangeError if a limit is not a whole number of at least 1.
 */
export function withPeer<T>(
  where: string | ByteStream,
  body: (peer: Peer) => Returned<T>,
  options: PeerOptions = {},
): Promise<T> {
  return quietly(async () => {
    const settings = peerSettings(options);
    const stream = typeof where === "string" ? await openTcp(parseEndpoint(where)) : where;
    const peer = new PeerConnection(stream, settings);
    return taskGroup(async (group) => {
      group.spawn(() => runAndClose(peer, stream), { name: "peer" });
      try {
        return await callBody(body, peer);
      } finally {
        if (currentScope().isCancelled) stream.abort();
        else await moveOnAfter(CLOSE_MS, () => peer.close());
      }
    });
  });
}

/** What the peer has ended is closed at once, while `body` may go on: the other side may be waiting for that. */
async function runAndClose(peer: PeerConnection, stream: ByteStream): Promise<void> {
  await peer.run(true);
  await moveOnAfter(CLOSE_MS, () => stream.close());
}
