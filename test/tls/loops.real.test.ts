/** TLS over TCP keeps every rule of streams on the loops of the system. */
import test from "node:test";
import { run } from "coppice";
import { SelectorLoop } from "coppice/loop";
import { listen, openTcp, tlsClient, tlsServer } from "coppice/net";
import { checkHalfCloseableStream } from "coppice/testing";
import { really } from "../support/real.ts";
import { clientContext, serverContext } from "./identities.ts";
import { shakeHands, type TlsSocket } from "./pairs.ts";

const trusting = clientContext();
const serving = serverContext();
/** The peers of the kit answer no close_notify but by closing. */
const shutdownTimeoutMs = 30;

async function makePair(): Promise<[TlsSocket, TlsSocket]> {
  await using listener = await listen({ port: 0 });
  const client = tlsClient(await openTcp({ port: listener.address.port }), {
    context: trusting,
    serverName: "localhost",
    shutdownTimeoutMs,
  });
  const server = tlsServer(await listener.accept(), { context: serving, shutdownTimeoutMs });
  await shakeHands(client, server);
  return [client, server];
}

test("Node's loop", () => really(() => checkHalfCloseableStream(makePair)));

test("the selector's loop", async () => {
  const loop = new SelectorLoop();
  try {
    await run(() => checkHalfCloseableStream(makePair), { loop });
  } finally {
    await loop.close();
  }
});
