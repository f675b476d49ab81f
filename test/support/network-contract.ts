/** What every network owes to transports and protocols: run against Node's sockets and against the one in memory. */
import assert from "node:assert/strict";
import test from "node:test";
import type { SocketAddress } from "../../src/kernel/addresses.ts";
import type { Network, NetworkListener, Protocol, Transport } from "../../src/kernel/network.ts";

/** Notes what it is told, and checks the order that the port promises. */
class Recorder implements Protocol {
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

interface Pair {
  readonly client: Recorder;
  readonly server: Recorder;
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

async function listen(network: Network, accepted: () => Protocol, port = 0): Promise<NetworkListener> {
  return network.listen({ address: { host: "127.0.0.1", port } }, { accepted, acceptFailed: assert.fail });
}

function portOf(listener: NetworkListener): number {
  return (listener.address as SocketAddress).port;
}

async function pair(network: Network): Promise<Pair> {
  const client = new Recorder();
  const server = new Recorder();
  const listener = await listen(network, () => server);
  network.connect({ address: listener.address }, client);
  await Promise.all([client.has("made"), server.has("made")]);
  await listener.close();
  return { client, server };
}

async function end({ client, server }: Pair): Promise<void> {
  for (const side of [client, server]) {
    if (!side.log.includes("lost")) side.transport.close();
  }
  await Promise.all([client.has("lost"), server.has("lost")]);
}

const MANY = new Uint8Array(4 * 1024 * 1024);

/** Registers the tests; `within` runs one with a network. */
export function networkContract(
  name: string,
  within: (fn: (network: Network) => Promise<void>) => Promise<void>,
): void {
  const contract = (sentence: string, fn: (network: Network) => Promise<void>): void => {
    test(`${name}: ${sentence}`, () => within(fn));
  };

  contract("both sides hear of the connection and know the addresses", async (network) => {
    const both = await pair(network);
    assert.deepEqual(both.client.transport.remoteAddress, both.server.transport.localAddress);
    assert.deepEqual(both.client.transport.localAddress, both.server.transport.remoteAddress);
    assert.notDeepEqual(both.client.transport.localAddress, both.server.transport.localAddress);
    await end(both);
  });

  contract("data goes both ways, in order", async (network) => {
    const both = await pair(network);
    for (const text of ["one ", "two ", "three"]) both.client.transport.write(bytes(text));
    both.server.transport.write(bytes("four"));
    await both.server.until(() => both.server.text.length === 13);
    await both.client.until(() => both.client.text.length === 4);
    assert.equal(both.server.text, "one two three");
    assert.equal(both.client.text, "four");
    await end(both);
  });

  contract("an end of file comes after the data, once, and the other direction stays open", async (network) => {
    const both = await pair(network);
    both.client.transport.write(bytes("request"));
    both.client.transport.writeEof();
    both.client.transport.write(bytes("ignored"));
    await both.server.has("eof");
    assert.equal(both.server.text, "request");
    both.server.transport.write(bytes("response"));
    await both.client.until(() => both.client.text === "response");
    assert.deepEqual(both.server.log, ["made", "data", "eof"]);
    await end(both);
    assert.equal(both.server.text, "request");
  });

  contract("with both directions ended the connection is over, in good order", async (network) => {
    const both = await pair(network);
    both.client.transport.writeEof();
    await both.server.has("eof");
    both.server.transport.writeEof();
    await Promise.all([both.client.has("lost"), both.server.has("lost")]);
    assert.deepEqual(both.client.log, ["made", "eof", "lost"]);
    assert.deepEqual([both.client.error, both.server.error], [undefined, undefined]);
  });

  contract("close flushes what was written and is an orderly end on both sides", async (network) => {
    const both = await pair(network);
    both.client.transport.write(bytes("last words"));
    both.client.transport.close();
    both.client.transport.close();
    both.client.transport.write(bytes("ignored"));
    await both.server.has("eof");
    assert.equal(both.server.text, "last words");
    both.server.transport.close();
    await Promise.all([both.client.has("lost"), both.server.has("lost")]);
    assert.deepEqual([both.client.error, both.server.error], [undefined, undefined]);
    assert.deepEqual(both.server.log, ["made", "data", "eof", "lost"]);
  });

  contract("two closes that cross are both orderly", async (network) => {
    const both = await pair(network);
    both.client.transport.close();
    both.server.transport.close();
    await Promise.all([both.client.has("lost"), both.server.has("lost")]);
    assert.deepEqual([both.client.error, both.server.error], [undefined, undefined]);
  });

  contract("abort ends this side at once and the peer with a failure", async (network) => {
    const both = await pair(network);
    both.client.transport.abort();
    await Promise.all([both.client.has("lost"), both.server.has("lost")]);
    assert.equal(both.client.error, undefined);
    assert.equal((both.server.error as NodeJS.ErrnoException).code, "ECONNRESET");
    both.client.transport.abort();
    both.client.transport.close();
    both.server.transport.write(bytes("ignored"));
  });

  contract("writing to a peer that has closed ends in a failure", async (network) => {
    const both = await pair(network);
    both.server.transport.close();
    await Promise.all([both.client.has("eof"), both.server.has("lost")]).catch(() => {});
    while (!both.client.log.includes("lost")) {
      both.client.transport.write(bytes("to nobody"));
      await Promise.race([both.client.has("lost"), new Promise(setImmediate)]);
    }
    assert.match(String((both.client.error as NodeJS.ErrnoException).code), /^(EPIPE|ECONNRESET)$/);
  });

  contract("a writer that is ahead is told to pause, and to resume when it was read", async (network) => {
    const both = await pair(network);
    both.server.transport.pauseReading();
    both.server.transport.pauseReading();
    both.client.transport.write(MANY);
    both.client.transport.write(MANY);
    assert.deepEqual(both.client.log, ["made", "pause"]);
    assert.ok(both.client.transport.bufferedBytes > 0);
    both.server.transport.resumeReading();
    await both.client.has("resume");
    await both.server.until(() => both.server.bytes === 2 * MANY.length);
    assert.equal(both.client.transport.bufferedBytes, 0);
    // The system may take some; not for ever, from a reader that reads nothing.
    both.server.transport.pauseReading();
    for (let write = 0; write < 50 && both.client.log.at(-1) !== "pause"; write++) both.client.transport.write(MANY);
    assert.deepEqual(both.client.log, ["made", "pause", "resume", "pause"]);
    both.client.transport.abort();
    await both.client.has("lost");
    both.server.transport.abort();
    await both.server.has("lost");
  });

  contract("a paused reader is given nothing, and all of it afterwards", async (network) => {
    const both = await pair(network);
    both.server.transport.pauseReading();
    both.client.transport.write(bytes("later"));
    both.client.transport.writeEof();
    // What goes the other way afterwards does arrive.
    both.server.transport.write(bytes("meanwhile"));
    await both.client.until(() => both.client.text === "meanwhile");
    assert.deepEqual(both.server.log, ["made"]);
    both.server.transport.resumeReading();
    await both.server.has("eof");
    assert.deepEqual(both.server.log, ["made", "data", "eof"]);
    assert.equal(both.server.text, "later");
    await end(both);
  });

  contract("a writer whose peer closes without reading hears of the end", async (network) => {
    const both = await pair(network);
    both.server.transport.pauseReading();
    both.client.transport.write(MANY);
    both.client.transport.write(MANY);
    both.server.transport.abort();
    await Promise.all([both.client.has("lost"), both.server.has("lost")]);
    assert.deepEqual(both.client.log, ["made", "pause", "lost"]);
    assert.ok(both.client.error !== undefined);
  });

  contract("two that close with data for each other and read nothing come to an end", async (network) => {
    const both = await pair(network);
    for (const side of [both.client, both.server]) {
      side.transport.pauseReading();
      side.transport.write(bytes("unread"));
      side.transport.close();
    }
    await Promise.all([both.client.has("lost"), both.server.has("lost")]);
  });

  contract("a refused connection is told as such", async (network) => {
    const listener = await listen(network, () => new Recorder());
    const { address } = listener;
    await listener.close();
    const client = new Recorder();
    network.connect({ address }, client);
    await client.has("lost");
    assert.deepEqual(client.log, ["lost"]);
    assert.equal((client.error as NodeJS.ErrnoException).code, "ECONNREFUSED");
  });

  contract("an attempt can be abandoned", async (network) => {
    const listener = await listen(network, () => new Recorder());
    const client = new Recorder();
    network.connect({ address: listener.address }, client)();
    await client.has("lost");
    assert.deepEqual(client.log, ["lost"]);
    assert.equal(client.error, undefined);
    await listener.close();
  });

  contract("a port in use is refused to a second listener, and free after the close", async (network) => {
    const first = await listen(network, () => new Recorder());
    await assert.rejects(
      listen(network, () => new Recorder(), portOf(first)),
      { code: "EADDRINUSE" },
    );
    await first.close();
    await first.close();
    const second = await listen(network, () => new Recorder(), portOf(first));
    assert.deepEqual(second.address, first.address);
    await second.close();
  });

  contract("closing a listener leaves its connections alone", async (network) => {
    const both = await pair(network);
    both.client.transport.write(bytes("still there"));
    await both.server.until(() => both.server.text === "still there");
    await end(both);
  });
}
