/**
 * Coppice and RxJS in one program, on one event loop: an `Observable` as a loop, and a tree of tasks as an `Observable`.
 *
 *   npm run example -- interop/rxjs
 *
 * An `Observable` pushes and cannot be made to wait, so the loop over it has a bounded buffer. Leaving the loop, or being cancelled in it,
 * unsubscribes; and unsubscribing from a tree of tasks cancels it.
 */
import assert from "node:assert/strict";
import {
  type Feed,
  type FeedOptions,
  isCancelled,
  main,
  moveOnAfter,
  OverflowError,
  openEvents,
  openFeed,
  run,
  shield,
  sleep,
  taskGroup,
} from "coppice";
import { finalize, firstValueFrom, interval, map, Observable, of, take, throwError, toArray } from "rxjs";

/** Subscribes now, and gives the values as a feed, which unsubscribes when it is closed. */
function feedOf<T>(observable: Observable<T>, options: FeedOptions): Feed<T> {
  return openFeed<T>((inlet) => {
    const subscription = observable.subscribe({
      next: (value) => inlet.push(value),
      error: (error) => inlet.failWith(error),
      complete: () => inlet.end(),
    });
    return () => subscription.unsubscribe();
  }, options);
}

/** Each subscriber starts a tree of tasks of its own, and gets what `fn` emits. Unsubscribing cancels the tree. */
function observableOf<T>(fn: (emit: (value: T) => void) => Promise<void>): Observable<T> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    run(() => fn((value) => subscriber.next(value)), { signal: controller.signal }).then(
      () => subscriber.complete(),
      (error: unknown) => {
        // Whoever has unsubscribed hears nothing more; a real failure then goes where RxJS reports those.
        if (!isCancelled(error)) subscriber.error(error);
      },
    );
    return () => controller.abort("unsubscribed");
  });
}

let lines = 0;
function tell(line: string): void {
  lines++;
  console.log(line);
}

await main(async () => {
  console.log("An Observable as a loop");
  const squares: number[] = [];
  for await (const square of feedOf(of(1, 2, 3).pipe(map((n) => n * n)), { capacity: 10 })) squares.push(square);
  tell(`  all its values, then the end: ${squares.join(", ")}`);

  const ticks = interval(1).pipe(finalize(() => tell("  unsubscribed")));
  for await (const tick of feedOf(ticks, { capacity: 10 })) if (tick === 2) break;
  tell("  after a break");

  const quiet = new Observable<number>(() => () => tell("  unsubscribed"));
  await moveOnAfter(20, async () => {
    for await (const _ of feedOf(quiet, { capacity: 10 }));
  });
  tell("  after a cancellation while it waited");

  const error = new Error("an error");
  await assert.rejects(
    () =>
      feedOf(
        throwError(() => error),
        { capacity: 1 },
      ).receive(),
    (thrown) => thrown === error,
  );

  using full = feedOf(of(1, 2, 3), { capacity: 2 });
  assert.deepEqual([await full.receive(), await full.receive()], [1, 2]);
  await assert.rejects(() => full.receive(), OverflowError);
  tell("  three values at once do not fit into a buffer of two, and that is an error");

  using latest = feedOf(of(1, 2, 3), { capacity: 1, overflow: "dropOldest" });
  tell(`  unless one asks for the latest: ${await latest.receive()}, with ${latest.dropped} dropped`);

  console.log("A tree of tasks as an Observable");
  const cleanups = new EventTarget();
  const workers = observableOf<string>((emit) =>
    taskGroup(async (group) => {
      for (const name of ["first", "second"]) {
        group.spawn(async () => {
          try {
            await sleep(1);
            emit(name);
            await sleep(5);
          } finally {
            await shield(() => sleep(1));
            cleanups.dispatchEvent(new Event("cleanup"));
          }
        });
      }
    }),
  );
  const emitted = await firstValueFrom(workers.pipe(toArray()));
  tell(`  what its tasks emit, then the end: ${emitted.sort().join(", ")}`);

  using cleanedUp = openEvents(cleanups, "cleanup", { capacity: 2 });
  assert.ok(emitted.includes(await firstValueFrom(workers.pipe(take(1)))));
  for (const _ of emitted) await cleanedUp.receive();
  tell("  unsubscribed after the first value, both tasks were cancelled and have cleaned up");

  const failing = observableOf<never>(() => sleep(1).then(() => Promise.reject(error)));
  await assert.rejects(firstValueFrom(failing), (thrown) => thrown === error);
  tell("  and an error is the same object on both sides");
  assert.equal(lines, 10);
});
