/** A protocol that notes what it is told, and two of them at the ends of a connection. */
import assert from "node:assert/strict";
import test from "node:test";
import type { SocketAddress } from "../../src/kernel/addresses.ts";
import type { Network, NetworkListener, Protocol, Transport } from "../../src/kernel/network.ts";

/** Notes what it is told, and checks the order that the port promises. */
export class Recorder implements Protocol {
  transport!: Transport;
  readonly log: string[] = [];
  bytes = 0;
  text = "";
  error: Error | undefined;
  #watchers: (() => void)[] = [];

  connectionMade(transport: Transport): void {
    assert.deepEqual(this.log, []);
    this.transport = transport;
    this.#note("made");
  }

  dataReceived(bytes: Uint8Array): void {
    assert.ok(bytes.length > 0);
    assert.ok(Buffer.isBuffer(bytes), "what comes is of the same kind on every loop");
    this.bytes += bytes.length;
    if (this.bytes < 10_000) this.text += Buffer.from(bytes).toString();
    if (this.log.at(-1) !== "data") this.#note("data");
    else this.#note(undefined);
  }

  eofReceived(): void {
    this.#note("eof");
  }

  connectionLost(error: Error | undefined): void {
    this.error = error;
    this.#note("lost");
  }

  /** Goes on where another protocol was. */
  takeOver(transport: Transport): void {
    this.transport = transport;
    transport.protocol = this;
  }

  get code(): string | undefined {
    return (this.error as NodeJS.ErrnoException | undefined)?.code;
  }

  pauseWriting(): void {
    this.#note("pause");
  }

  resumeWriting(): void {
    this.#note("resume");
  }

  /** Settles once `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** Settles once `event` was noted. */
  has(event: string): Promise<void> {
    return this.until(() => this.log.includes(event));
  }

  #note(event: string | undefined): void {
    if (event !== undefined) {
      assert.ok(!this.log.includes("lost"), `${event} after the end`);
      if (event === "eof") assert.ok(!this.log.includes("eof"), "a second end of file");
      this.log.push(event);
    }
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}

/** Both ends of a connection. */
export interface Pair {
  readonly client: Recorder;
  readonly server: Recorder;
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

/** Listens at the IPv4 loopback address. */
export function listen(network: Network, accepted: () => Protocol, port = 0): Promise<NetworkListener> {
  return network.listen({ address: { host: "127.0.0.1", port } }, { accepted, acceptFailed: assert.fail });
}

export function portOf(listener: NetworkListener): number {
  return (listener.address as SocketAddress).port;
}

/** Two that are connected; nobody listens any more. */
export async function pair(network: Network, client: Recorder = new Recorder()): Promise<Pair> {
  const server = new Recorder();
  const listener = await listen(network, () => server);
  network.connect({ address: listener.address }, client);
  await Promise.all([client.has("made"), server.has("made")]);
  await listener.close();
  return { client, server };
}

/** Closes both ends and waits until they are lost. */
export async function end({ client, server }: Pair): Promise<void> {
  for (const side of [client, server]) {
    if (!side.log.includes("lost")) side.transport.close();
  }
  await Promise.all([client.has("lost"), server.has("lost")]);
}

/** More than any buffer of the system takes at once. */
export const MANY = new Uint8Array(4 * 1024 * 1024);

/** Runs a test with a network. */
export type Within = (fn: (network: Network) => Promise<void>) => Promise<void>;

/** Registers one row of a contract. */
export type Row = (sentence: string, fn: (network: Network) => Promise<void>, skip?: string | false) => void;

export function rowsOf(name: string, within: Within): Row {
  return (sentence, fn, skip = false) => {
    test(`${name}: ${sentence}`, { skip }, () => within(fn));
  };
}
