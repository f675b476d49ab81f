/**
 * Two connected streams without a network: what one side sends, the other receives on a later turn of the loop. For parts of a
 * program that talk as if over a wire, and for tests. On the virtual loop, with a seed, the order of arrival is drawn like everything else.
 */
import type { UnixAddress } from "../kernel/addresses.ts";
import { joinPair } from "../kernel/memory-transport.ts";
import { currentLoop } from "../kernel/scope.ts";
import type { ByteStream } from "./byte-stream.ts";
import { TransportStream } from "./transport-stream.ts";

const NOWHERE: UnixAddress = { path: "" };

/**
 * Makes two connected streams in memory, on the current loop. They keep the whole contract of a `ByteStream`: backpressure both ways, half
 * close, a failure at the other end on `abort`. A pair that nobody closes holds nothing open.
 *
 * @example
 * ```ts
 * const [client, server] = memoryPair();
 * await client.send(new TextEncoder().encode("hello"));
 * console.log(await server.receive());
 * ```
 */
export function memoryPair(): [ByteStream, ByteStream] {
  const loop = currentLoop();
  const a = new TransportStream<UnixAddress>(() => {});
  const b = new TransportStream<UnixAddress>(() => {});
  joinPair(a, b, NOWHERE, NOWHERE, (callback) => loop.afterTurn(callback));
  return [a, b];
}
