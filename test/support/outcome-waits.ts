/** The waits for an outcome: of futures, by themselves and in coroutines, and of starts. (A task settles a moment after its last act: its join has tests of its own.) */
import { coroutine, Event, Future, type TaskGroup, taskGroup, until } from "coppice";
import type { OpenWait, Wait } from "./wait.ts";

export const outcomeWaits: readonly Wait[] = [
  { name: "await future", open: () => openFuture((future) => future) },
  { name: "until(future)", open: () => openFuture((future) => until(future)) },
  {
    name: "yield* future",
    open: () => {
      const waiting = coroutine(function* (future: Future<string>) {
        return yield* future;
      });
      return openFuture(waiting);
    },
  },
  {
    name: "group.start",
    open: () => {
      const over = new Event();
      let isReady = false;
      let say = (): void => {};
      let group!: TaskGroup;
      void taskGroup((opened) => {
        group = opened;
        return over.wait();
      });
      return {
        wait: () =>
          group.start<string>((started) => {
            say = () => started("value");
            if (isReady) say();
            return over.wait();
          }),
        wake: () => {
          isReady = true;
          say();
        },
        value: "value",
        end: () => over.set(),
      };
    },
  },
];

function openFuture(wait: (future: Future<string>) => PromiseLike<string>): OpenWait {
  const future = new Future<string>();
  return { wait: () => wait(future), wake: () => future.setResult("value"), value: "value", end: () => {} };
}
