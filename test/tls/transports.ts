/** Two connected transports, with protocols that write down what they are told, and their upgrade to TLS. */
import { currentLoop, sleep, taskGroup } from "coppice";
import type { Protocol, TlsTransport, Transport } from "coppice/loop";
import { startTls } from "../../src/protocols/start-tls.ts";
import { networked } from "../support/network.ts";
import { clientContext, serverContext } from "./identities.ts";

export const trusting = clientContext();
export const clientOptions = { serverName: "localhost", context: trusting };
export const serverOptions = { isServer: true, context: serverContext() } as const;

/** Writes down what it is told. */
export class Notes implements Protocol {
  readonly calls: string[] = [];
  received = Buffer.alloc(0);
  error: Error | undefined;
  transport: Transport | undefined;
  onData: (bytes: Uint8Array) => void = () => {};
  onEof: () => void = () => {};

  connectionMade(transport: Transport): void {
    this.calls.push("made");
    this.transport = transport;
  }
  dataReceived(bytes: Uint8Array): void {
    if (this.calls.at(-1) !== "data") this.calls.push("data");
    this.received = Buffer.concat([this.received, bytes]);
    this.onData(bytes);
  }
  eofReceived(): void {
    this.calls.push("eof");
    this.onEof();
  }
  connectionLost(error: Error | undefined): void {
    this.calls.push(error === undefined ? "lost" : "lost with an error");
    this.error = error;
  }
  pauseWriting(): void {
    this.calls.push("pause");
  }
  resumeWriting(): void {
    this.calls.push("resume");
  }
}

export interface End {
  readonly plain: Transport;
  readonly before: Notes;
  readonly notes: Notes;
}

/** Two connected transports with a protocol for the time before, and one for the time after. */
export async function withTransports(body: (client: End, server: End) => Promise<void>): Promise<void> {
  await networked(async () => {
    const { network } = currentLoop();
    const ends = [new Notes(), new Notes()] as const;
    const listener = await network.listen(
      { address: { host: "127.0.0.1", port: 0 } },
      { accepted: () => ends[1], acceptFailed: () => {} },
    );
    network.connect({ address: listener.address }, ends[0]);
    await sleep(1);
    await listener.close();
    const [client, server] = ends.map((before) => ({
      plain: before.transport as Transport,
      before,
      notes: new Notes(),
    })) as [End, End];
    try {
      await body(client, server);
    } finally {
      for (const { plain } of [client, server]) plain.abort();
      await sleep(1);
    }
  });
}

async function upgrade(client: End, server: End): Promise<[TlsTransport, TlsTransport]> {
  return taskGroup(async (group) => {
    const serving = group.spawn(() => startTls(server.plain, server.notes, serverOptions));
    const secure = await startTls(client.plain, client.notes, clientOptions);
    return [secure, await serving];
  });
}

/** Runs `body` over two upgraded transports. */
export function withUpgraded(
  body: (client: End & { secure: TlsTransport }, server: End & { secure: TlsTransport }) => Promise<void>,
): Promise<void> {
  return withTransports(async (client, server) => {
    const [ours, theirs] = await upgrade(client, server);
    await body({ ...client, secure: ours }, { ...server, secure: theirs });
  });
}
