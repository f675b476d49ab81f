/** What every transport owes to marks of its own: run against the sockets of each loop and against the network in memory. */
import assert from "node:assert/strict";
import type { WriteBufferLimits } from "../../src/kernel/network.ts";
import { end, MANY, type Pair, pair, Recorder, rowsOf, type Within } from "./recorder.ts";

const CHUNK = new Uint8Array(64 * 1024);

/** Notes how much is buffered when it is told to resume. */
class Gauge extends Recorder {
  atResume = -1;

  override resumeWriting(): void {
    this.atResume = this.transport.bufferedBytes;
    super.resumeWriting();
  }
}

/** Writes until it is told to pause; that must be the write which comes above `high`. */
function fill({ client }: Pair, { high }: WriteBufferLimits): void {
  for (let write = 0; write < 1_000 && client.log.at(-1) !== "pause"; write++) {
    client.transport.write(CHUNK);
    const { bufferedBytes } = client.transport;
    assert.equal(client.log.at(-1) === "pause", bufferedBytes > high, `${bufferedBytes} are buffered`);
  }
  assert.equal(client.log.at(-1), "pause", "a peer that reads nothing took everything");
}

export function limitsContract(name: string, within: Within): void {
  const contract = rowsOf(name, within);

  for (const limits of [
    { high: 1024 * 1024, low: 0 },
    { high: 1024 * 1024, low: 300_000 },
    { high: 1024 * 1024, low: 1024 * 1024 },
    { high: 1_000, low: 1_000 },
    { high: 0, low: 0 },
  ]) {
    contract(
      `marks at ${limits.high} and ${limits.low}: paused above the one, resumed at the other`,
      async (network) => {
        const client = new Gauge();
        const both = await pair(network, client);
        client.transport.setWriteBufferLimits(limits);
        both.server.transport.pauseReading();
        fill(both, limits);
        both.server.transport.resumeReading();
        await client.has("resume");
        assert.ok(client.atResume >= 0 && client.atResume <= limits.low, `${client.atResume} were buffered`);
        await end(both);
        assert.deepEqual(
          client.log.filter((event) => event !== "eof"),
          ["made", "pause", "resume", "lost"],
        );
      },
    );
  }

  contract("marks that are changed take effect at once, both ways", async (network) => {
    const both = await pair(network);
    const { transport, log } = both.client;
    both.server.transport.pauseReading();
    transport.write(MANY);
    transport.write(MANY);
    transport.write(MANY);
    assert.deepEqual(log, ["made", "pause"]);
    transport.setWriteBufferLimits({ high: 4 * MANY.length, low: 4 * MANY.length });
    assert.deepEqual(log, ["made", "pause", "resume"]);
    transport.setWriteBufferLimits({ high: 1_000, low: 0 });
    assert.deepEqual(log, ["made", "pause", "resume", "pause"]);
    transport.setWriteBufferLimits({ high: 2_000, low: 1_000 });
    assert.deepEqual(log, ["made", "pause", "resume", "pause"]);
    both.server.transport.resumeReading();
    await both.client.until(() => log.at(-1) === "resume");
    await end(both);
  });

  contract("a close while more is buffered than the marks allow flushes, and tells of no room", async (network) => {
    const both = await pair(network);
    both.client.transport.setWriteBufferLimits({ high: 1_000, low: 0 });
    both.server.transport.pauseReading();
    both.client.transport.write(MANY);
    both.client.transport.write(MANY);
    both.client.transport.close();
    both.server.transport.resumeReading();
    await both.server.has("eof");
    assert.equal(both.server.bytes, 2 * MANY.length);
    await end(both);
  });
}
