/** An event loop in its simplest form: it waits until a socket is ready or a time has come, and calls who asked for that. */
import { EVENT_READ, EVENT_WRITE, Selector, type Socket } from "coppice/selector";

type Callback = () => void;

interface Callbacks {
  readable?: Callback | undefined;
  writable?: Callback | undefined;
}

export class Loop {
  readonly #selector = new Selector<Callbacks>();
  #timers = 0;

  /** Calls back whenever the socket can be read, until that is taken back with `undefined`. */
  onReadable(socket: Socket, callback: Callback | undefined): void {
    this.#watch(socket, { ...this.#selector.getKey(socket)?.data, readable: callback });
  }

  /** As `onReadable`. */
  onWritable(socket: Socket, callback: Callback | undefined): void {
    this.#watch(socket, { ...this.#selector.getKey(socket)?.data, writable: callback });
  }

  callLater(ms: number, callback: Callback): void {
    this.#timers++;
    this.#selector.callLater(ms, () => {
      this.#timers--;
      callback();
    });
  }

  /** Goes on while there is anything to wait for. */
  run(): void {
    while (this.#selector.size > 0 || this.#timers > 0) {
      for (const { key, events } of this.#selector.select()) {
        if (events & EVENT_READ) key.data.readable?.();
        // Who was called first may have changed its mind about the second.
        if (events & EVENT_WRITE && key.isRegistered) key.data.writable?.();
      }
    }
  }

  #watch(socket: Socket, callbacks: Callbacks): void {
    const events = (callbacks.readable ? EVENT_READ : 0) | (callbacks.writable ? EVENT_WRITE : 0);
    const isWatched = this.#selector.getKey(socket) !== undefined;
    if (events === 0) {
      if (isWatched) this.#selector.unregister(socket);
    } else if (isWatched) this.#selector.modify(socket, events, callbacks);
    else this.#selector.register(socket, events, callbacks);
  }
}
