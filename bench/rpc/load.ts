/**
 * The load generator: a number of connections that keep a number of requests
 * in flight each, every answer replaced by a new request.
 *
 * It has to be cheaper than any server, so requests are encoded beforehand,
 * answers are counted by their framing alone, and the replacements for all
 * answers of a chunk go out in one write. Before the load, each connection
 * checks one answer in full; after it, that all answers were as long as that
 * one. Latency counts answers as coming in order.
 *
 * Arguments: port, framing, connections, requests in flight, warm-up and duration in milliseconds.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type Framing, type FramingName, framings } from "./framings.ts";
import { Histogram } from "./histogram.ts";
import { RequestRing, requestText } from "./request-ring.ts";

/** What one run of the generator found. */
export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** How busy the generator was, of one core; near 1 the figures are its own limit. */
  readonly generatorShare: number;
}

const [port = "", framingName = "", ...numbers] = process.argv.slice(2);
const [connectionCount = 1, inFlight = 1, warmUpMs = 0, durationMs = 0] = numbers.map(Number);
const framing = framings[framingName as FramingName];
if (framing === undefined) throw new RangeError(`unknown framing "${framingName}": use ${Object.keys(framings)}`);

const latencies = new Histogram();
let answers = 0;

process.on("disconnect", () => process.exit());
const connections = await Promise.all(
  Array.from({ length: connectionCount }, (_, index) => openConnection(framing, index)),
);
await delay(warmUpMs);
answers = 0;
latencies.clear();
const startedAt = performance.now();
const cpuAtStart = process.cpuUsage();
process.send?.("measuring");
await delay(durationMs);
const elapsedMs = performance.now() - startedAt;
const cpu = process.cpuUsage(cpuAtStart);
for (const connection of connections) checkLengths(connection);
// The load goes on until the parent has read the server's CPU time and ends this process.
process.send?.({
  requests: answers,
  requestsPerSecond: (answers * 1_000) / elapsedMs,
  latencyMs: { p50: latencies.quantile(0.5), p99: latencies.quantile(0.99), max: latencies.quantile(1) },
  generatorShare: (cpu.user + cpu.system) / 1_000 / elapsedMs,
} satisfies LoadResult);

interface Connection {
  readonly socket: Socket;
  readonly answerBytes: number;
  answers: number;
}

async function openConnection(framing: Framing, index: number): Promise<Connection> {
  const socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
  for (const event of ["error", "close"]) socket.on(event, () => fail(`a connection ended: ${event}`));
  await once(socket, "connect");
  const connection = { socket, answerBytes: await checkAnswer(socket, framing), answers: 1 };
  startLoad(connection, framing, index);
  return connection;
}

/** Returns the bytes of the answer, framing included. */
async function checkAnswer(socket: Socket, framing: Framing): Promise<number> {
  const counter = framing.createCounter();
  const chunks: Buffer[] = [];
  socket.write(framing.encode(requestText("e549a9cb")));
  for (let frames = 0; frames === 0; ) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    chunks.push(chunk);
    frames = counter.count(chunk);
  }
  const text = Buffer.concat(chunks).toString("latin1");
  const answer = JSON.parse(text.slice(text.indexOf("{")));
  if (answer.result !== "ok" || answer.id !== "e549a9cb" || answer.jsonrpc !== "2.0") {
    throw new Error(`wrong answer: ${JSON.stringify(answer)}`);
  }
  return text.length;
}

/** An error instead of the result would be a longer answer: ids all have the same length. */
function checkLengths({ socket, answerBytes, answers }: Connection): void {
  const begun = socket.bytesRead - answers * answerBytes;
  if (begun < 0 || begun >= answerBytes) fail(`${answers} answers in ${socket.bytesRead} bytes: not all are right`);
}

function startLoad(connection: Connection, framing: Framing, index: number): void {
  const { socket } = connection;
  const counter = framing.createCounter();
  const ring = new RequestRing(framing, index, 4 * inFlight);
  const sentAt = new Float64Array(inFlight);
  let oldest = 0;
  socket.on("data", (chunk: Buffer) => {
    const count = counter.count(chunk);
    if (count === 0) return;
    const now = performance.now();
    for (let index = 0; index < count; index++) {
      latencies.add(now - (sentAt[oldest] ?? now));
      sentAt[oldest] = now;
      oldest = oldest + 1 === inFlight ? 0 : oldest + 1;
    }
    answers += count;
    connection.answers += count;
    socket.write(ring.take(count));
  });
  sentAt.fill(performance.now());
  socket.write(ring.take(inFlight));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
