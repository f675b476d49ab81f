/** The kinds of streams that faults are tried on: each a place where pairs of them are made. */
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import {
  BufferedReader,
  type ByteStream,
  type Listener,
  listen,
  listenUnix,
  memoryPair,
  openTcp,
  openUnix,
  stapled,
  tlsClient,
  tlsServer,
} from "coppice/net";
import { clientContext, serverContext } from "../tls/identities.ts";
import { shakeHands } from "../tls/pairs.ts";

type Pair = readonly [client: ByteStream, server: ByteStream];

/** Where pairs are made: a listener and who connects to it, or nothing at all. */
interface Site {
  connect(): Promise<Pair>;
  close(): Promise<void>;
}

export interface FaultKind {
  readonly name: string;
  /** Whether an abort reads as a failure at the other side: one of a Unix socket reads as the end of the file if nothing was unread. */
  readonly knowsReset: boolean;
  readonly open: () => Promise<Site>;
}

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const trusting = clientContext();
const serving = serverContext();

const memory = (): Promise<Site> => withoutListener(memoryPair);
const tcp = (): Promise<Site> => tcpAt("127.0.0.1");

export const faultKinds: readonly FaultKind[] = [
  { name: "TCP", knowsReset: true, open: tcp },
  ...(hasIpv6 ? [{ name: "TCP over IPv6", knowsReset: true, open: () => tcpAt("::1") }] : []),
  { name: "Unix sockets", knowsReset: false, open: unix },
  { name: "memory pairs", knowsReset: true, open: memory },
  { name: "stapled pairs", knowsReset: true, open: () => withoutListener(crossed) },
  { name: "TCP with a buffered reader stapled to it", knowsReset: true, open: () => over(tcp, buffered) },
  { name: "TLS over TCP", knowsReset: true, open: () => over(tcp, secured) },
  { name: "TLS over memory pairs", knowsReset: true, open: () => over(memory, secured) },
];

async function withoutListener(make: () => Pair): Promise<Site> {
  return { connect: async () => make(), close: async () => {} };
}

async function tcpAt(host: string): Promise<Site> {
  const listener = await listen({ host, port: 0 });
  return listening(listener, () => openTcp(listener.address));
}

let unixSites = 0;

async function unix(): Promise<Site> {
  const listener = await listenUnix({ path: join(tmpdir(), `coppice-faults-${process.pid}-${unixSites++}`) });
  return listening(listener, () => openUnix(listener.address));
}

function listening(listener: Listener, open: () => Promise<ByteStream>): Site {
  return {
    async connect(): Promise<Pair> {
      const client = await open();
      return [client, await listener.accept()];
    },
    close: () => listener.close(),
  };
}

async function over(openBelow: () => Promise<Site>, wrap: (pair: Pair) => Promise<Pair>): Promise<Site> {
  const below = await openBelow();
  return { connect: async () => wrap(await below.connect()), close: () => below.close() };
}

function crossed(): Pair {
  const [toServer, fromClient] = memoryPair();
  const [toClient, fromServer] = memoryPair();
  return [stapled(toServer, fromServer), stapled(toClient, fromClient)];
}

async function buffered([client, server]: Pair): Promise<Pair> {
  return [stapled(client, new BufferedReader(client)), stapled(server, new BufferedReader(server))];
}

async function secured([below, opposite]: Pair): Promise<Pair> {
  // Peers that do not answer are what this is about.
  const shutdownTimeoutMs = 30;
  const client = tlsClient(below, { context: trusting, serverName: "localhost", shutdownTimeoutMs });
  const server = tlsServer(opposite, { context: serving, shutdownTimeoutMs });
  await shakeHands(client, server);
  return [client, server];
}
