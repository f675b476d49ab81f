/**
 * Every kind of stream there is, each with the check of the conformance kit that it passes: a line here, and it is checked on virtual
 * loops with several seeds, and on the real one.
 */
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { currentLoop, sleep } from "coppice";
import {
  BufferedReader,
  type ByteStream,
  listen,
  listenUnix,
  memoryPair,
  openTcp,
  openUnix,
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
  /** Why it cannot be checked on this machine's real loop. */
  readonly notReal?: string | undefined;
  readonly check: () => Promise<void>;
}

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const noIpv6 = hasIpv6 ? undefined : "this machine has no IPv6 on its loopback interface";

/** A receiver in drops, and hooks that wait and then let everything pass. */
const idle = (): Promise<void> => sleep(0);
const drops = (): number => 1 + Math.floor(currentLoop().random() * 3_000);

export const streamKinds: readonly StreamKind[] = [
  { name: "memory pairs", check: () => checkHalfCloseableStream(async () => memoryPair()) },
  { name: "TCP", check: () => checkHalfCloseableStream(() => tcpPair("127.0.0.1")) },
  { name: "TCP over IPv6", notReal: noIpv6, check: () => checkHalfCloseableStream(() => tcpPair("::1")) },
  { name: "Unix sockets", check: () => checkHalfCloseableStream(unixPair) },
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

async function tcpPair(host: string): Promise<[ByteStream, ByteStream]> {
  const listener = await listen({ host, port: 0 });
  const client = await openTcp(listener.address);
  const server = await listener.accept();
  await listener.close();
  return [client, server];
}

let unixPairs = 0;

async function unixPair(): Promise<[ByteStream, ByteStream]> {
  const listener = await listenUnix({ path: join(tmpdir(), `coppice-${process.pid}-${unixPairs++}`) });
  const client = await openUnix(listener.address);
  const server = await listener.accept();
  await listener.close();
  return [client, server];
}
