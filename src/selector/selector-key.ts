/** One registration: what is watched, for which events, and what the caller keeps with it. It ends once, and does not come back. */
import type { Socket } from "./socket.ts";

/** What a socket or a descriptor is registered with at a selector. */
export interface SelectorKey<T> {
  /** What was given to `register`. */
  readonly target: Socket | number;
  readonly fd: number;
  /** The mask that is waited for. */
  readonly events: number;
  readonly data: T;
  /** Neither unregistered nor closed, and its selector is open. */
  readonly isRegistered: boolean;
}

/** A key as its selector sees it. */
export class Registration<T> implements SelectorKey<T> {
  readonly target: Socket | number;
  readonly fd: number;
  events: number;
  data: T;
  isRegistered = true;
  /** Tells this registration from earlier ones of the same descriptor. */
  readonly #stamp: number;
  /** Makes the socket forget the selector. */
  readonly #release: () => void;

  constructor(options: Omit<SelectorKey<T>, "isRegistered">, stamp: number, release: () => void) {
    this.target = options.target;
    this.fd = options.fd;
    this.events = options.events;
    this.data = options.data;
    this.#stamp = stamp;
    this.#release = release;
  }

  get stamp(): number {
    return this.#stamp;
  }

  end(): void {
    this.isRegistered = false;
    this.#release();
  }
}
