/**
 * Every kind of stream there is, each with the check of the conformance kit that it passes: a line here, and it is checked on virtual
 * loops with several seeds, and on the real one.
 */
import { currentLoop, sleep } from "coppice";
import {
  BufferedReader,
  type ByteStream,
  listen,
  memoryPair,
  openTcp,
  type ReceiveStream,
  type SendStream,
  stapled,
} from "coppice/net";
import {
  checkHalfCloseableStream,
  checkOneWayStream,
  lockstepOneWayPair,
  lockstepPair,
  memoryOneWayPair,
} from "coppice/testing";

export interface StreamKind {
  readonly name: string;
  /** It needs the system (files, processes), so it is not checked in virtual time. */
  readonly isReal?: true;
  readonly check: () => Promise<void>;
}

/** A receiver in drops, and hooks that wait and then let everything pass. */
const idle = (): Promise<void> => sleep(0);
const drops = (): number => 1 + Math.floor(currentLoop().random() * 3_000);

export const streamKinds: readonly StreamKind[] = [
  { name: "memory pairs", check: () => checkHalfCloseableStream(async () => memoryPair()) },
  { name: "TCP", check: () => checkHalfCloseableStream(tcpPair) },
  { name: "lockstep pairs", check: () => checkHalfCloseableStream(async () => lockstepPair()) },
  { name: "one-way lockstep pairs", check: () => checkOneWayStream(async () => lockstepOneWayPair()) },
  {
    name: "one-way memory pairs",
    check: () => checkOneWayStream(async () => memoryOneWayPair(), { neverBlocks: true }),
  },
  {
    name: "one-way memory pairs whose hooks wait and whose bytes trickle",
    check: () =>
      checkOneWayStream(async () => memoryOneWayPair({ beforeSend: idle, beforeReceive: idle, trickleBytes: drops }), {
        neverBlocks: true,
      }),
  },
  {
    name: "stapled memory pairs",
    check: () =>
      checkHalfCloseableStream(async () => crossed(memoryOneWayPair, memoryOneWayPair), { neverBlocks: true }),
  },
  {
    name: "stapled halves of memory pairs and of lockstep pairs",
    check: () => checkHalfCloseableStream(async () => crossed(memoryPair, lockstepOneWayPair)),
  },
  {
    name: "memory pairs with a buffered reader stapled to each end",
    check: () =>
      checkHalfCloseableStream(async () => {
        const [one, other] = memoryPair();
        return [stapled(one, new BufferedReader(one)), stapled(other, new BufferedReader(other))];
      }),
  },
];

/** Staples two pairs into one, the other way round. */
function crossed(
  makeFirst: () => readonly [SendStream, ReceiveStream],
  makeSecond: () => readonly [SendStream, ReceiveStream],
): [ByteStream, ByteStream] {
  const [toSecond, fromFirst] = makeFirst();
  const [toFirst, fromSecond] = makeSecond();
  return [stapled(toSecond, fromSecond), stapled(toFirst, fromFirst)];
}

async function tcpPair(): Promise<[ByteStream, ByteStream]> {
  const listener = await listen({ port: 0 });
  const client = await openTcp({ port: listener.address.port });
  const server = await listener.accept();
  await listener.close();
  return [client, server];
}
