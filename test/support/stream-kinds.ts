/**
 * Every kind of stream there is, each with the check of the conformance kit that it passes: a line here, and it is checked on virtual
 * loops with several seeds, and on the real one.
 */
import { type ByteStream, listen, memoryPair, openTcp } from "coppice/net";
import { checkHalfCloseableStream } from "coppice/testing";

export interface StreamKind {
  readonly name: string;
  /** It needs the system (files, processes), so it is not checked in virtual time. */
  readonly isReal?: true;
  readonly check: () => Promise<void>;
}

export const streamKinds: readonly StreamKind[] = [
  { name: "memory pairs", check: () => checkHalfCloseableStream(async () => memoryPair()) },
  { name: "TCP", check: () => checkHalfCloseableStream(tcpPair) },
];

async function tcpPair(): Promise<[ByteStream, ByteStream]> {
  const listener = await listen({ port: 0 });
  const client = await openTcp({ port: listener.address.port });
  const server = await listener.accept();
  await listener.close();
  return [client, server];
}
