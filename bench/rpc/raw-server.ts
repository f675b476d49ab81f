/**
 * The baseline: JSON-RPC on `node:net` by hand, as fast as we know how to write it.
 *
 * Frames that arrive together are answered in one write, and nothing is
 * copied that need not be. It has no tasks, limits, cancellation or
 * backpressure, and its methods cannot wait.
 */

import { type AddressInfo, createServer, type Socket } from "node:net";
import { announce } from "./serving.ts";

interface Request {
  readonly jsonrpc: "2.0";
  readonly method: string;
  readonly params?: unknown;
  readonly id?: string | number | null;
}

const headerBytes = 4;
const methods = new Map<string, (params: unknown) => unknown>([["foo", () => "ok"]]);

/** Where answers are put together: one buffer for all, copied once a batch. */
let output: Buffer = Buffer.allocUnsafeSlow(1 << 16);

function handleConnection(socket: Socket): void {
  let pending: Buffer | undefined;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    const input = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
    let [start, used] = [0, 0];
    while (input.length - start >= headerBytes) {
      const bodyStart = start + headerBytes;
      const bodyEnd = bodyStart + input.readInt32BE(start);
      if (bodyEnd > input.length) break;
      const answer = respond(input.toString("utf8", bodyStart, bodyEnd));
      if (answer !== undefined) used = append(answer, used);
      start = bodyEnd;
    }
    pending = start === input.length ? undefined : input.subarray(start);
    if (used === 0) return;
    const answers = Buffer.allocUnsafe(used);
    output.copy(answers, 0, 0, used);
    socket.write(answers);
  });
}

function respond(text: string): string | undefined {
  let request: Request;
  try {
    request = JSON.parse(text);
  } catch {
    return '{"error":{"code":-32700,"message":"Parse error"},"id":null,"jsonrpc":"2.0"}';
  }
  const method = methods.get(request.method);
  if (request.id === undefined) {
    method?.(request.params);
    return undefined;
  }
  if (method === undefined) {
    const error = { code: -32601, message: "Method not found" };
    return JSON.stringify({ error, id: request.id, jsonrpc: "2.0" });
  }
  return JSON.stringify({ result: method(request.params), id: request.id, jsonrpc: "2.0" });
}

/** Appends a frame to `output` after its first `used` bytes and returns how many are used then. */
function append(body: string, used: number): number {
  const bytesAtMost = headerBytes + body.length * 3;
  if (used + bytesAtMost > output.length) {
    const grown = Buffer.allocUnsafeSlow(2 * (used + bytesAtMost));
    output.copy(grown, 0, 0, used);
    output = grown;
  }
  const bodyBytes = output.write(body, used + headerBytes);
  output.writeInt32BE(bodyBytes, used);
  return used + headerBytes + bodyBytes;
}

const server = createServer({ noDelay: true }, handleConnection);
server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
