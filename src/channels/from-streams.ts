/**
 * Streams of the web platform and of Node.js as something to receive from and to send into.
 *
 *   from here to there          toReadableStream(source)     toWritableStream(sink)       (to-streams.ts)
 *   from there to here          fromReadable(stream)         fromWritable(stream)
 *
 * `fromReadable` and `fromWritable` take streams of both families. The other way there is one family only: Node's own
 * `Readable.fromWeb(toReadableStream(source))` and `Writable.fromWeb(toWritableStream(sink))` make the other.
 */
import { NodeInflow, NodeOutflow, type NodeReadable, type NodeWritable } from "./node-streams.ts";
import { InflowReceiver, type StreamReceiver } from "./stream-receiver.ts";
import { OutflowSender, type StreamSender } from "./stream-sender.ts";
import { WebInflow, WebOutflow } from "./web-streams.ts";

/**
 * A receiver of the chunks of `stream`, which it has for itself (a web stream is locked) until the stream is over or the receiver is closed. No
 * checkpoint. Its waits can be cancelled, without losing a chunk.
 *
 * @throws TypeError if `stream` is no readable stream, or a web stream that is locked.
 *
 * @example
 * ```ts
 * await using chunks = fromReadable(new Response("some text").body!);
 * for await (const chunk of chunks) console.log(chunk.length);
 * ```
 */
export function fromReadable<T>(stream: ReadableStream<T>): StreamReceiver<T>;
export function fromReadable<T = unknown>(stream: NodeReadable): StreamReceiver<T>;
export function fromReadable<T>(stream: ReadableStream<T> | NodeReadable): StreamReceiver<T> {
  if (has(stream, "getReader")) return new InflowReceiver(new WebInflow(stream as ReadableStream<T>));
  if (has(stream, "read", "on", "off", "destroy")) return new InflowReceiver(new NodeInflow<T>(stream as NodeReadable));
  throw new TypeError(`fromReadable: expected a ReadableStream or a Readable of Node.js, got ${String(stream)}`);
}

/**
 * A sender into `stream`, which it has for itself (a web stream is locked) until the stream is over or the sender is closed. No checkpoint.
 *
 * @throws TypeError if `stream` is no writable stream, or a web stream that is locked.
 */
export function fromWritable<T>(stream: WritableStream<T>): StreamSender<T>;
export function fromWritable<T = unknown>(stream: NodeWritable): StreamSender<T>;
export function fromWritable<T>(stream: WritableStream<T> | NodeWritable): StreamSender<T> {
  if (has(stream, "getWriter")) {
    return new OutflowSender<T>((events) => new WebOutflow(stream as WritableStream<T>, events));
  }
  if (has(stream, "write", "end", "on", "off", "destroy")) {
    return new OutflowSender<T>((events) => new NodeOutflow<T>(stream as NodeWritable, events));
  }
  throw new TypeError(`fromWritable: expected a WritableStream or a Writable of Node.js, got ${String(stream)}`);
}

function has(stream: unknown, ...methods: readonly string[]): boolean {
  if (typeof stream !== "object" || stream === null) return false;
  return methods.every((method) => typeof (stream as Record<string, unknown>)[method] === "function");
}
