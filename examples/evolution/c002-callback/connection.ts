/**
 * A connection in callbacks: what a blocking function keeps in its local variables stands in fields here, because every callback has to
 * return before anything else can happen.
 */
import { type Socket, SystemError, WouldBlockError } from "coppice/selector";
import { Frames, frame } from "../wire.ts";
import type { Loop } from "./loop.ts";

/** What is told to whoever has a connection. */
export interface Listener {
  /** A message has come. */
  received(text: string): void;
  /** It is over: the peer has said all, or it broke. */
  ended(error?: Error): void;
}

export class Connection {
  readonly #loop: Loop;
  readonly #socket: Socket;
  readonly #listener: Listener;
  readonly #frames = new Frames();
  #unsent = Buffer.alloc(0);

  constructor(loop: Loop, socket: Socket, listener: Listener) {
    this.#loop = loop;
    this.#socket = socket;
    this.#listener = listener;
    socket.setBlocking(false);
    loop.onReadable(socket, () => this.#receive());
  }

  send(text: string): void {
    this.#unsent = Buffer.concat([this.#unsent, frame(text)]);
    this.#flush();
  }

  close(error?: Error): void {
    if (this.#socket.isClosed) return;
    this.#socket.close();
    this.#listener.ended(error);
  }

  #receive(): void {
    this.#guarded(() => {
      const bytes = this.#socket.recv();
      if (bytes === undefined) {
        this.close();
        return;
      }
      for (const text of this.#frames.push(bytes)) this.#listener.received(text);
    });
  }

  #flush(): void {
    this.#guarded(() => {
      if (this.#unsent.length > 0) this.#unsent = this.#unsent.subarray(this.#socket.send(this.#unsent));
    });
    if (this.#socket.isClosed) return;
    // The rest is for when the peer has read some; meanwhile this peer is read no further, lest answers pile up.
    const isFull = this.#unsent.length > 0;
    this.#loop.onWritable(this.#socket, isFull ? () => this.#flush() : undefined);
    this.#loop.onReadable(this.#socket, isFull ? undefined : () => this.#receive());
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof WouldBlockError) return;
      if (!(error instanceof SystemError || error instanceof RangeError)) throw error;
      this.close(error);
    }
  }
}
