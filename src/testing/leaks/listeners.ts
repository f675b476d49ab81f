/** Listeners on emitters, event targets and the process. */
import { EventEmitter, getEventListeners } from "node:events";
import type { Leak } from "./leak.ts";

/** What Node and the loop listen to for their own purposes. */
const OWN_OF_PROCESS: ReadonlySet<string | symbol> = new Set([
  "newListener",
  "removeListener",
  "SIGWINCH",
  "beforeExit",
]);
/** The events of the platform's targets; a target does not say which it has listeners for. */
const TARGET_EVENTS = ["abort", "message", "messageerror", "error", "open", "close", "change"] as const;

export type Listenable = EventEmitter | EventTarget;

export class Listeners {
  readonly #target: Listenable;
  readonly #before: ReadonlyMap<string | symbol, readonly unknown[]>;

  constructor(target: Listenable) {
    this.#target = target;
    this.#before = listenersOf(target);
  }

  leaks(): Leak[] {
    const leaks: Leak[] = [];
    for (const [event, listeners] of listenersOf(this.#target)) {
      const before = [...(this.#before.get(event) ?? [])];
      for (const listener of listeners) {
        const known = before.indexOf(listener);
        if (known >= 0) before.splice(known, 1);
        else
          leaks.push({
            kind: "listener",
            what: describe(this.#target, event, listener),
            where: undefined,
            value: listener,
          });
      }
    }
    return leaks;
  }
}

function listenersOf(target: Listenable): Map<string | symbol, readonly unknown[]> {
  const found = new Map<string | symbol, readonly unknown[]>();
  if (target instanceof EventEmitter) {
    for (const event of target.eventNames()) {
      if (target !== process || !OWN_OF_PROCESS.has(event)) found.set(event, target.rawListeners(event));
    }
  } else for (const event of TARGET_EVENTS) found.set(event, getEventListeners(target, event));
  return found;
}

function describe(target: Listenable, event: string | symbol, listener: unknown): string {
  const of = target === (process as EventEmitter) ? "process" : target.constructor.name;
  const name = typeof listener === "function" && listener.name !== "" ? `, ${listener.name}()` : "";
  return `for "${String(event)}" of ${of}${name}`;
}
