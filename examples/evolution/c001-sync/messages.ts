/** Messages over a blocking socket: each call returns when it is done, and nothing else happens meanwhile. */
import type { Socket } from "coppice/selector";
import { frame, HEADER_BYTES, lengthOf } from "../wire.ts";

export function sendMessage(socket: Socket, text: string): void {
  socket.sendAll(frame(text));
}

/** The next message; `undefined` where the peer has said all. */
export function receiveMessage(socket: Socket): string | undefined {
  const header = receiveExactly(socket, HEADER_BYTES);
  if (header === undefined) return undefined;
  return receiveExactly(socket, lengthOf(header))?.toString();
}

function receiveExactly(socket: Socket, count: number): Buffer | undefined {
  const chunks: Uint8Array[] = [];
  for (let left = count; left > 0; ) {
    const chunk = socket.recv(left);
    if (chunk === undefined) return undefined;
    chunks.push(chunk);
    left -= chunk.length;
  }
  return Buffer.concat(chunks);
}
