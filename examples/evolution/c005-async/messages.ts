/** Messages, as async functions: those of step 4, with `await` for `yield*`. The waiting is the loop's. */
import type { EventLoop } from "coppice/loop";
import type { Socket } from "coppice/selector";
import { frame, HEADER_BYTES, lengthOf } from "../wire.ts";

/** The next message; `undefined` where the peer has said all. */
export async function receiveMessage(loop: EventLoop, socket: Socket): Promise<string | undefined> {
  const header = await receiveExactly(loop, socket, HEADER_BYTES);
  if (header === undefined) return undefined;
  const body = await receiveExactly(loop, socket, lengthOf(header));
  return body?.toString();
}

export async function sendMessage(loop: EventLoop, socket: Socket, text: string): Promise<void> {
  await loop.sockSendAll(socket, frame(text));
}

async function receiveExactly(loop: EventLoop, socket: Socket, count: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  for (let left = count; left > 0; ) {
    const chunk = await loop.sockRecv(socket, left);
    if (chunk === undefined) return undefined;
    chunks.push(chunk);
    left -= chunk.length;
  }
  return Buffer.concat(chunks);
}
