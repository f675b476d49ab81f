/**
 * Events as a bounded feed.
 */
import type { Feed, FeedOptions } from "./feed.ts";
import { type EmitterLike, Listeners, type TargetLike } from "./listeners.ts";
import { openFeed } from "./open-feed.ts";

/** What `openEvents` keeps, and which events end it. */
export interface EventsOptions extends FeedOptions {
  /** Events after which no more come: they end the feed. None by default. */
  readonly ends?: readonly (string | symbol)[];
}

/**
 * Listens to events named `name` and returns them as a feed: the array of arguments for each event of an emitter, or the events of an event
 * target. It listens from the call on, so nothing is missed between the call and the loop. The listeners are removed when the feed ends
 * (by one of `ends`, by an emitter's "error", which is thrown after what came before it, by an overflow), when a loop over it is
 * left, by cancellation too, and when it is closed. Declare it with `using` unless the loop follows at once.
 *
 * @throws RangeError if the capacity is not a whole number, one or more, or `Infinity`.
 * @throws TypeError if `source` neither is nor looks like an `EventEmitter` or an `EventTarget`.
 *
 * @example
 * ```ts
 * using lines = openEvents<[line: string]>(reader, "line", { capacity: 1_000, ends: ["close"] });
 * for await (const [line] of lines) await handle(line);
 * ```
 */
export function openEvents<Arguments extends unknown[] = unknown[]>(
  source: EmitterLike,
  name: string | symbol,
  options: EventsOptions,
): Feed<Arguments>;
export function openEvents<E extends object = globalThis.Event>(
  source: TargetLike,
  name: string,
  options: EventsOptions,
): Feed<E>;
export function openEvents(
  source: EmitterLike | TargetLike,
  name: string | symbol,
  options: EventsOptions,
): Feed<unknown> {
  const { ends = [] } = options;
  return openFeed<unknown>((inlet) => {
    const listeners = new Listeners("openEvents", source);
    try {
      listeners.add(name, (value) => inlet.push(value));
      for (const end of ends) listeners.add(end, () => inlet.end());
      if (name !== "error" && !ends.includes("error")) listeners.addFailure((error) => inlet.failWith(error));
    } catch (error) {
      listeners.remove();
      throw error;
    }
    return () => listeners.remove();
  }, options);
}
