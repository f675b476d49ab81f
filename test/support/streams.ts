/** Pairs of connected streams, and reading them to the end. */
import { listen, openTcp, type SocketStream } from "coppice/net";

/** Connects two streams over the current loop's network, and aborts what `body` leaves open of them. */
export async function withPair<T>(
  body: (client: SocketStream, server: SocketStream) => T | PromiseLike<T>,
): Promise<T> {
  const listener = await listen({ port: 0 });
  const client = await openTcp({ port: listener.address.port });
  const server = await listener.accept();
  await listener.close();
  try {
    return await body(client, server);
  } finally {
    client.abort();
    server.abort();
  }
}

/** Everything up to end-of-file. */
export async function readAll(stream: SocketStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Exactly `count` bytes, or what came before end-of-file. */
export async function readBytes(stream: SocketStream, count: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let missing = count; missing > 0; ) {
    const chunk = await stream.receive(missing);
    if (chunk === undefined) break;
    chunks.push(chunk);
    missing -= chunk.length;
  }
  return Buffer.concat(chunks);
}
