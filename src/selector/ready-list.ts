/** What one `select` found. Keys that were unregistered or closed meanwhile are skipped, and events that they stopped waiting for are left out. */
import type { SelectorKey } from "./selector-key.ts";

/** A key that is ready, and the events that it is ready for. */
export interface Ready<T> {
  readonly key: SelectorKey<T>;
  readonly events: number;
}

/**
 * The ready keys of one `select`, in the order in which the system gave them; to be gone through at once. A key that was
 * unregistered, or whose socket was closed, since `select` returned is skipped.
 */
export interface ReadyList<T> extends Iterable<Ready<T>> {
  /** How many were ready when `select` returned. */
  readonly size: number;
}

export class ReadyEntries<T> implements ReadyList<T> {
  readonly #entries: Ready<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  add(key: SelectorKey<T>, events: number): void {
    this.#entries.push({ key, events });
  }

  *[Symbol.iterator](): Generator<Ready<T>, void, undefined> {
    for (const { key, events } of this.#entries) {
      const wanted = events & key.events;
      if (key.isRegistered && wanted !== 0) yield { key, events: wanted };
    }
  }
}
