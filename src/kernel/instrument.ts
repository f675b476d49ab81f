/**
 * Where debug mode hooks in. While it is off, the kernel pays one look at a field, and only where something has gone wrong already;
 * what watches is loaded when it is first asked for (`loops/node/debug.ts`).
 */
import type { Loop } from "./ports.ts";

/** What debug mode is told, and what it can tell. */
export interface Debug {
  /** Notes the stack of this call as the place where `thing` is made. */
  made(thing: object): void;
  /** That place, to be added to a message: lines of a stack, and one that leads to them. */
  madeAt(thing: object): string | undefined;
  /** A callback begins in `loop`; `what` says which, and `thing` is what it was made with. Each call is followed by one of `leave`. */
  enter(loop: Loop, what: () => string, thing: object): void;
  leave(): void;
  /**
   * Reports, for `asker`, what holds `loop` for `slowMs` milliseconds or more. Without any of these, what holds any loop, by 100. Asked again by the same
   * one, it sets that limit; of several who ask for one loop the lowest counts. Turns debug mode on.
   */
  watch(asker?: object, loop?: Loop, slowMs?: number): void;
  /** Ends what `asker` has asked for. With the last one, debug mode is off again. */
  unwatch(asker: object): void;
  isWatching(loop: Loop): boolean;
}

/** The debug mode of this process, `undefined` while nobody asked for it, and what reads it from disk (`loops/default.ts`). */
export const instruments: { debug?: Debug | undefined; load?: () => Debug } = {};
