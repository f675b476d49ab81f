/** What every network owes to Unix sockets: run against the sockets of each loop and against the network in memory. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Network, NetworkListener } from "../../src/kernel/network.ts";
import { bytes, end, MANY, type Pair, Recorder, rowsOf, type Within } from "./recorder.ts";

/** Leaves something at a path, as the network under test would find it. */
export interface PathMaker {
  /** The name of a socket whose owner was killed. */
  readonly stale: (network: Network, path: string) => Promise<void>;
  /** A file that is no socket. */
  readonly file: (network: Network, path: string) => Promise<void>;
}

function open(network: Network, path: string, server: Recorder = new Recorder()): Promise<NetworkListener> {
  return network.listen({ address: { path } }, { accepted: () => server, acceptFailed: assert.fail });
}

async function pairAt(network: Network, path: string): Promise<Pair & { readonly listener: NetworkListener }> {
  const client = new Recorder();
  const server = new Recorder();
  const listener = await open(network, path, server);
  network.connect({ address: { path } }, client);
  await Promise.all([client.has("made"), server.has("made")]);
  return { client, server, listener };
}

async function refusal(network: Network, path: string): Promise<string | undefined> {
  const client = new Recorder();
  network.connect({ address: { path } }, client);
  await client.has("lost");
  assert.deepEqual(client.log, ["lost"]);
  return client.code;
}

export function unixContract(name: string, within: Within, maker: PathMaker): void {
  const rows = rowsOf(`${name}, unix`, within);
  const contract = (sentence: string, fn: (network: Network, path: string) => Promise<void>): void => {
    rows(sentence, async (network) => {
      const directory = mkdtempSync(join(tmpdir(), "coppice-"));
      try {
        await fn(network, join(directory, "socket"));
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  };

  contract("the end that listens has the path, the end that connected has none", async (network, path) => {
    const { client, server, listener } = await pairAt(network, path);
    assert.deepEqual(listener.address, { path });
    assert.deepEqual([client.transport.localAddress, client.transport.remoteAddress], [{ path: "" }, { path }]);
    assert.deepEqual([server.transport.localAddress, server.transport.remoteAddress], [{ path }, { path: "" }]);
    await listener.close();
    await end({ client, server });
    assert.deepEqual([client.transport.remoteAddress, server.transport.localAddress], [{ path }, { path }]);
  });

  contract("data and half close go both ways", async (network, path) => {
    const both = await pairAt(network, path);
    both.client.transport.write(bytes("request"));
    both.client.transport.writeEof();
    await both.server.has("eof");
    assert.equal(both.server.text, "request");
    both.server.transport.write(bytes("response"));
    both.server.transport.close();
    await Promise.all([both.client.has("lost"), both.server.has("lost")]);
    assert.equal(both.client.text, "response");
    assert.deepEqual([both.client.error, both.server.error], [undefined, undefined]);
    await both.listener.close();
  });

  contract("a writer that is ahead is told to pause, and to resume when it was read", async (network, path) => {
    const both = await pairAt(network, path);
    both.server.transport.pauseReading();
    both.client.transport.write(MANY);
    both.client.transport.write(MANY);
    assert.deepEqual(both.client.log, ["made", "pause"]);
    both.server.transport.resumeReading();
    await both.client.has("resume");
    await both.server.until(() => both.server.bytes === 2 * MANY.length);
    await both.listener.close();
    await end(both);
  });

  contract("abort ends this side at once, and the other side hears of an end", async (network, path) => {
    const both = await pairAt(network, path);
    both.client.transport.abort();
    both.client.transport.abort();
    await both.client.has("lost");
    assert.equal(both.client.error, undefined);
    await both.server.until(() => both.server.log.includes("lost") || both.server.log.includes("eof"));
    if (!both.server.log.includes("lost")) both.server.transport.close();
    await both.server.has("lost");
    await both.listener.close();
  });

  contract("a path in use is refused to a second listener, and free after the close", async (network, path) => {
    const first = await open(network, path);
    await assert.rejects(open(network, path), { code: "EADDRINUSE" });
    await first.close();
    await first.close();
    assert.equal(await refusal(network, path), "ENOENT");
    await (await open(network, path)).close();
  });

  contract("a stale name is refused to listeners and to clients, until it is removed", async (network, path) => {
    await maker.stale(network, path);
    await assert.rejects(open(network, path), { code: "EADDRINUSE" });
    assert.equal(await refusal(network, path), "ECONNREFUSED");
    await network.unlink(path);
    assert.equal(await refusal(network, path), "ENOENT");
    const both = await pairAt(network, path);
    await both.listener.close();
    await end(both);
  });

  contract("only sockets are unlinked", async (network, path) => {
    await assert.rejects(network.unlink(path), { code: "ENOENT" });
    await maker.file(network, path);
    await assert.rejects(network.unlink(path), { code: "ENOTSOCK" });
    await assert.rejects(open(network, path), { code: "EADDRINUSE" });
    await assert.rejects(network.unlink(path), { code: "ENOTSOCK" });
  });

  contract("a listener whose name another one has by now leaves it the name when it closes", async (network, path) => {
    const old = await open(network, path);
    await network.unlink(path);
    const server = new Recorder();
    const listener = await open(network, path, server);
    await old.close();
    const client = new Recorder();
    network.connect({ address: { path } }, client);
    await Promise.all([client.has("made"), server.has("made")]);
    await listener.close();
    assert.equal(await refusal(network, path), "ENOENT");
    await end({ client, server });
  });

  contract("a listener that lost its name keeps its connections", async (network, path) => {
    const both = await pairAt(network, path);
    await network.unlink(path);
    assert.equal(await refusal(network, path), "ENOENT");
    both.client.transport.write(bytes("still there"));
    await both.server.until(() => both.server.text === "still there");
    await both.listener.close();
    await end(both);
  });
}
