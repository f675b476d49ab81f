/**
 * A loop for async functions. The language has become the trampoline: what step 3 did with generators, `await` does with promises.
 *
 * One thing is new: the jobs of promises run when this thread has nothing else to do. So the loop lets them, before it
 * blocks again until something is ready.
 */
import { EVENT_READ, EVENT_WRITE, Selector, Socket, WouldBlockError } from "coppice/selector";

export class Loop {
  readonly #selector = new Selector<() => void>();
  #waits = 0;

  /** Runs until nobody waits for anything any more. */
  async run(): Promise<void> {
    for (;;) {
      // Every function that can go on does so here, until all of them wait.
      await new Promise(setImmediate);
      if (this.#waits === 0) return;
      for (const { key } of this.#selector.select()) key.data();
    }
  }

  sleep(ms: number): Promise<void> {
    return this.#wait((resolve) => this.#selector.callLater(ms, resolve));
  }

  accept(listener: Socket): Promise<Socket> {
    return this.#once(listener, EVENT_READ, () => {
      const socket = listener.accept();
      socket.setBlocking(false);
      return socket;
    });
  }

  async connect(port: number): Promise<Socket> {
    const socket = new Socket();
    socket.setBlocking(false);
    try {
      socket.connect({ host: "127.0.0.1", port });
    } catch (error) {
      if (!(error instanceof WouldBlockError)) throw error;
    }
    await this.#once(socket, EVENT_WRITE, () => socket.finishConnect());
    return socket;
  }

  /** At most so many bytes; `undefined` is the end. */
  receive(socket: Socket, maxBytes: number): Promise<Uint8Array | undefined> {
    return this.#once(socket, EVENT_READ, () => socket.recv(maxBytes));
  }

  async sendAll(socket: Socket, bytes: Uint8Array): Promise<void> {
    for (let unsent = bytes; unsent.length > 0; ) {
      const sent = await this.#once(socket, EVENT_WRITE, () => socket.send(unsent));
      unsent = unsent.subarray(sent);
    }
  }

  /** Makes the call when the socket is ready for it. */
  #once<T>(socket: Socket, events: number, call: () => T): Promise<T> {
    return this.#wait((resolve, reject) => {
      this.#selector.register(socket, events, () => {
        try {
          resolve(call());
        } catch (error) {
          // It is not, after all.
          if (error instanceof WouldBlockError) return;
          reject(error);
        }
        this.#selector.unregister(socket);
      });
    });
  }

  async #wait<T>(begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
    this.#waits++;
    try {
      return await new Promise(begin);
    } finally {
      this.#waits--;
    }
  }
}
