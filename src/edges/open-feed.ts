/**
 * The way in for callbacks that are called again and again. (`fromCallback` is for those that are called once.)
 */
import { checkFunction } from "../kernel/check-function.ts";
import { BufferedFeed } from "./buffered-feed.ts";
import type { Feed, FeedInlet, FeedOptions } from "./feed.ts";

/**
 * Calls `begin`, which is to see to it that values are pushed, and returns the feed of those values. A function that `begin`
 * returns is called when the feed ends or is closed. Nothing is missed between this call and the first `receive`. Close it, or
 * declare it with `using`, unless a loop over it follows at once.
 *
 * @throws RangeError if the capacity is not a whole number, one or more, or `Infinity`, or `overflow` is none of its values.
 * @throws what `begin` throws.
 *
 * @example
 * ```ts
 * using changes = openFeed<string>((inlet) => {
 *   const watcher = watch(directory, (_kind, name) => inlet.push(name ?? ""));
 *   return () => watcher.close();
 * }, { capacity: 100 });
 * for await (const name of changes) console.log(name);
 * ```
 */
export function openFeed<T>(begin: (inlet: FeedInlet<T>) => unknown, options: FeedOptions): Feed<T> {
  const { capacity, overflow = "fail" } = options;
  if (!(capacity === Infinity || (Number.isInteger(capacity) && capacity >= 1))) {
    throw new RangeError(`capacity: expected a whole number, one or more, or Infinity, got ${String(capacity)}`);
  }
  if (!["fail", "dropOldest", "dropLatest"].includes(overflow)) {
    throw new RangeError(`overflow: expected "fail", "dropOldest" or "dropLatest", got ${String(overflow)}`);
  }
  checkFunction("openFeed", begin);
  const feed = new BufferedFeed<T>(capacity, overflow);
  feed.hasBegun(begin(feed));
  return feed;
}
