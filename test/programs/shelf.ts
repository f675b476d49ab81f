/** All that programs share, with the books on it. */

import type { Book } from "./book.ts";
import { ChannelBook } from "./books/channel-book.ts";
import { ConditionBook } from "./books/condition-book.ts";
import { ExclusiveBook, limiter, lock, rwLock, semaphore } from "./books/exclusive.ts";
import { Holders } from "./books/holders.ts";
import { BarrierBook, EventBook, FutureBook } from "./books/meetings.ts";
import { BroadcastBook, WatchBook } from "./books/news.ts";
import { QueueBook } from "./books/queue-book.ts";

/** `isDrawn`: the loop draws who goes on first. */
export function shelf(isDrawn: boolean): readonly Book[] {
  const holders = new Holders();
  return [
    new ExclusiveBook(lock(), isDrawn, holders),
    new ExclusiveBook(semaphore(2), isDrawn, holders),
    new ExclusiveBook(rwLock(), isDrawn, holders),
    new ExclusiveBook(limiter(2), isDrawn, holders),
    new ConditionBook(isDrawn, holders),
    // Twice, because it takes three at the right moment to see most of what could be wrong.
    new ConditionBook(isDrawn, holders),
    new ChannelBook(0, "suspend", isDrawn),
    new ChannelBook(1, "suspend", isDrawn),
    new ChannelBook(3, "suspend", isDrawn),
    new ChannelBook(Infinity, "suspend", isDrawn),
    new ChannelBook(2, "dropOldest", isDrawn),
    new ChannelBook(1, "dropLatest", isDrawn),
    new QueueBook(1, isDrawn),
    new QueueBook(3, isDrawn),
    new BarrierBook(),
    new EventBook(),
    new FutureBook(isDrawn),
    new BroadcastBook(isDrawn),
    new WatchBook(),
  ];
}
