/** TLS streams pass the conformance kit, over whatever they lie: memory, TLS. */
import test from "node:test";
import { type ByteStream, memoryPair, type TlsStream, tlsClient, tlsServer } from "coppice/net";
import { checkHalfCloseableStream, virtualRun } from "coppice/testing";
import { clientContext, serverContext } from "./identities.ts";
import { shakeHands } from "./pairs.ts";

const trusting = clientContext();
const serving = serverContext();

async function secured<S extends ByteStream>(below: readonly [S, S]): Promise<[TlsStream<S>, TlsStream<S>]> {
  // The peers of the kit answer no close_notify but by closing.
  const shutdownTimeoutMs = 100;
  const pair: [TlsStream<S>, TlsStream<S>] = [
    tlsClient(below[0], { context: trusting, serverName: "localhost", shutdownTimeoutMs }),
    tlsServer(below[1], { context: serving, shutdownTimeoutMs }),
  ];
  await shakeHands(...pair);
  return pair;
}

const carriers: readonly [name: string, make: () => Promise<[ByteStream, ByteStream]>][] = [
  ["memory", async () => secured(memoryPair())],
  ["TLS", async () => secured(await secured(memoryPair()))],
];

for (const [name, make] of carriers) {
  test(`TLS over ${name} keeps every rule of streams`, () => virtualRun(() => checkHalfCloseableStream(make)));

  test(`TLS over ${name} keeps them in drawn orders`, async () => {
    for (const seed of [1, 2, 3]) await virtualRun(() => checkHalfCloseableStream(make), { seed });
  });
}
