/**
 * The load generator of the echo benchmark: a number of connections that keep a number of messages in flight each. As soon as a
 * message has come back whole, another one takes its place; those of a chunk go out in one write.
 *
 * It has to be cheaper than any server: it reads into one buffer and counts bytes. The first message of each connection is compared in full.
 *
 * Arguments: port, connections, bytes of a message, messages in flight, warm-up and duration in milliseconds.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Histogram } from "../rpc/histogram.ts";

/** What one run of the generator found. */
export interface EchoLoad {
  readonly messagesPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** How busy the generator was, of one core; near 1 the figures are its own limit. */
  readonly generatorShare: number;
}

const [port = 0, connectionCount = 1, messageBytes = 1, inFlight = 1, warmUpMs = 0, durationMs = 0] = process.argv
  .slice(2)
  .map(Number);
const message = Buffer.from(Array.from({ length: messageBytes }, (_, index) => (index * 31) % 251));
/** Any number of messages in a row, as far as they can be wanted at once. */
const messages = Buffer.concat(Array.from({ length: inFlight }, () => message));
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);
const latencies = new Histogram();
let returned = 0;

process.on("disconnect", () => process.exit());
await Promise.all(Array.from({ length: connectionCount }, openConnection));
await delay(warmUpMs);
returned = 0;
latencies.clear();
const startedAt = performance.now();
const cpuAtStart = process.cpuUsage();
process.send?.("measuring");
await delay(durationMs);
const elapsedMs = performance.now() - startedAt;
const cpu = process.cpuUsage(cpuAtStart);
// The load goes on until the parent has read the server's CPU time and ends this process.
process.send?.({
  messagesPerSecond: (returned * 1_000) / elapsedMs,
  latencyMs: { p50: latencies.quantile(0.5), p99: latencies.quantile(0.99) },
  generatorShare: (cpu.user + cpu.system) / 1_000 / elapsedMs,
} satisfies EchoLoad);

async function openConnection(): Promise<void> {
  const sentAt = new Float64Array(inFlight);
  let oldest = 0;
  /** Bytes of a message that has not come back whole. */
  let partial = 0;
  let isChecked = false;
  const check = Buffer.alloc(messageBytes);
  const socket: Socket = connect({
    port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer: readBuffer,
      callback(count) {
        if (!isChecked) {
          readBuffer.copy(check, partial, 0, count);
          isChecked = partial + count >= messageBytes;
          if (isChecked && !check.equals(message)) fail("a message came back changed");
        }
        partial += count;
        const whole = Math.floor(partial / messageBytes);
        if (whole === 0) return true;
        partial -= whole * messageBytes;
        const now = performance.now();
        for (let index = 0; index < whole; index++) {
          latencies.add(now - (sentAt[oldest] ?? now));
          sentAt[oldest] = now;
          oldest = oldest + 1 === inFlight ? 0 : oldest + 1;
        }
        returned += whole;
        socket.write(messages.subarray(0, whole * messageBytes));
        return true;
      },
    },
  });
  for (const event of ["error", "close"]) socket.on(event, () => fail(`a connection ended: ${event}`));
  await once(socket, "connect");
  sentAt.fill(performance.now());
  socket.write(messages);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function fail(problem: string): never {
  console.error(problem);
  process.exit(1);
}
