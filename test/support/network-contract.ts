/** What every network owes to transports and protocols: run against the sockets of each loop and against the network in memory. */
import assert from "node:assert/strict";
import { bytes, end, listen, MANY, pair, portOf, Recorder, rowsOf, type Within } from "./recorder.ts";

/** Registers the tests; `within` runs one with a network. */
export function networkContract(name: string, within: Within): void {
  const contract = rowsOf(name, within);

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
    assert.equal(both.server.code, "ECONNRESET");
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
    assert.match(String(both.client.code), /^(EPIPE|ECONNRESET)$/);
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
    assert.equal(client.code, "ECONNREFUSED");
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

  contract("the addresses are still told after the end", async (network) => {
    const both = await pair(network);
    const { localAddress, remoteAddress } = both.client.transport;
    both.server.transport.abort();
    await both.client.has("lost");
    assert.deepEqual(both.client.transport.remoteAddress, remoteAddress);
    assert.deepEqual(both.client.transport.localAddress, localAddress);
    assert.deepEqual(both.server.transport.localAddress, remoteAddress);
    assert.deepEqual(both.server.transport.remoteAddress, localAddress);
  });

  contract("isClosing is this side's close or abort, and the loss; no half close of either side", async (network) => {
    const both = await pair(network);
    assert.equal(both.client.transport.isClosing, false);
    both.client.transport.writeEof();
    assert.equal(both.client.transport.isClosing, false);
    await both.server.has("eof");
    assert.equal(both.server.transport.isClosing, false);
    both.server.transport.close();
    assert.equal(both.server.transport.isClosing, true);
    await Promise.all([both.client.has("lost"), both.server.has("lost")]);
    assert.deepEqual([both.client.transport.isClosing, both.server.transport.isClosing], [true, true]);
    const aborted = await pair(network);
    aborted.client.transport.abort();
    assert.equal(aborted.client.transport.isClosing, true);
    await Promise.all([aborted.client.has("lost"), aborted.server.has("lost")]);
    assert.equal(aborted.server.transport.isClosing, true);
  });

  contract("a protocol that takes over hears what comes from then on, and the one before nothing", async (network) => {
    const both = await pair(network);
    both.client.transport.write(bytes("first"));
    await both.server.until(() => both.server.text === "first");
    const second = new Recorder();
    second.takeOver(both.server.transport);
    assert.equal(both.server.transport.protocol, second);
    both.client.transport.write(bytes("second"));
    both.client.transport.writeEof();
    await second.has("eof");
    second.transport.close();
    await Promise.all([second.has("lost"), both.client.has("lost")]);
    assert.deepEqual([both.server.log, both.server.text], [["made", "data"], "first"]);
    assert.deepEqual([second.log, second.text], [["data", "eof", "lost"], "second"]);
  });

  contract("a protocol may hand over while it is called", async (network) => {
    const second = new Recorder();
    class First extends Recorder {
      override dataReceived(received: Uint8Array): void {
        super.dataReceived(received);
        second.takeOver(this.transport);
      }
    }
    const both = await pair(network, new First());
    both.server.transport.write(bytes("one"));
    await both.client.has("data");
    both.server.transport.write(bytes("two"));
    await second.has("data");
    assert.deepEqual([both.client.text, second.text], ["one", "two"]);
    await end({ client: second, server: both.server });
    assert.deepEqual(both.client.log, ["made", "data"]);
  });

  contract("who takes over a writer that was told to pause is told to resume", async (network) => {
    const both = await pair(network);
    both.server.transport.pauseReading();
    both.client.transport.write(MANY);
    both.client.transport.write(MANY);
    assert.deepEqual(both.client.log, ["made", "pause"]);
    const second = new Recorder();
    second.takeOver(both.client.transport);
    both.server.transport.resumeReading();
    await second.has("resume");
    await end({ client: second, server: both.server });
    assert.deepEqual(both.client.log, ["made", "pause"]);
  });

  contract(
    "what arrived before a reset may be read, then the reset is told, also to one that was paused",
    async (network) => {
      const both = await pair(network);
      both.client.transport.write(bytes("part"));
      await both.server.until(() => both.server.text === "part");
      both.server.transport.pauseReading();
      both.client.transport.write(bytes(" and more"));
      both.client.transport.abort();
      await both.client.has("lost");
      both.server.transport.resumeReading();
      await both.server.has("lost");
      assert.equal(both.server.code, "ECONNRESET");
      assert.match(both.server.text, /^part( and more)?$/);
    },
  );
}
