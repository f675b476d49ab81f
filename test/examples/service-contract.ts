/** What every server of the evolution does on the wire, byte for byte. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const REQUEST = '\0\0\0\x35{"method": "foo", "jsonrpc": "2.0", "id": "e549a9cb"}';
const ANSWER = '\0\0\0\x2f{"result":"ok","id":"e549a9cb","jsonrpc":"2.0"}';

/** Asks in every way in which bytes can be cut, and expects the answers to the byte. */
export async function checkWire(port: number): Promise<void> {
  await withSocket(port, async (socket) => {
    socket.write(REQUEST, "latin1");
    assert.equal(await receive(socket, ANSWER.length), ANSWER);

    socket.write(REQUEST.repeat(3), "latin1");
    assert.equal(await receive(socket, 3 * ANSWER.length), ANSWER.repeat(3));

    for (const byte of Buffer.from(REQUEST, "latin1")) {
      socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    assert.equal(await receive(socket, ANSWER.length), ANSWER);
  });
}

/** Requests of a client that sends no more are answered, and then the server closes as well. */
export async function checkHalfClose(port: number): Promise<void> {
  await withSocket(port, async (socket) => {
    socket.end(REQUEST, "latin1");
    assert.equal(await receive(socket, ANSWER.length), ANSWER);
    if (!socket.closed) await once(socket, "close");
  });
}

export async function withSocket(port: number, use: (socket: Socket) => Promise<void>): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  try {
    await once(socket, "connect");
    await use(socket);
  } finally {
    socket.destroy();
  }
}

/** The next `count` bytes, one character each. */
export async function receive(socket: Socket, count: number): Promise<string> {
  let text = "";
  while (text.length < count) {
    const chunk: Buffer | null = socket.read(Math.min(count - text.length, socket.readableLength) || undefined);
    if (chunk === null) await once(socket, "readable");
    else text += chunk.toString("latin1");
  }
  return text;
}
