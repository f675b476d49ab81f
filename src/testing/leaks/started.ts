/**
 * What a guarded function starts: tasks and timers of loops, timers of the host, errors that nobody took.
 *
 * Everything is told apart by the asynchronous context that it was started in, so guards at the same time do not see each other's, and what runs
 * elsewhere in the process is nobody's. The methods of the loops are replaced while a guard is open; a normal program pays nothing.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { defaultLoop, type Loop, type Startable, type Timer } from "../../kernel/ports.ts";
import type { ScopeNode } from "../../kernel/scope-node.ts";
import { TaskNode } from "../../kernel/task.ts";
import { type Replacement, replace } from "../../loops/virtual/host/patches.ts";
import { type HostTimer, watchTimers } from "../../loops/virtual/host/timers.ts";
import { VirtualLoop } from "../../loops/virtual/loop.ts";
import { type Leak, userFrame } from "./leak.ts";

const MANY = 1_000;

interface Started {
  readonly task: TaskNode<unknown>;
  readonly origin: Error;
}

interface Armed {
  readonly loop: Loop;
  readonly when: number;
  readonly origin: Error;
}

/** All that was started in one guard, or in one inside of it. */
export class Inventory {
  readonly around: Inventory | undefined = current.getStore();
  #tasks: Started[] = [];
  #sweepAt = MANY;
  readonly #timers = new Set<Armed>();
  #hostTimers: HostTimer[] = [];
  #hostSweepAt = MANY;
  readonly #reported: Leak[] = [];

  started(started: Started): void {
    this.#tasks.push(started);
    if (this.#tasks.length < this.#sweepAt) return;
    this.#tasks = this.#tasks.filter(({ task }) => !task.done);
    this.#sweepAt = 2 * this.#tasks.length + MANY;
  }

  armed(timer: Armed): void {
    this.#timers.add(timer);
  }

  disarmed(timer: Armed): void {
    this.#timers.delete(timer);
  }

  hostTimer(timer: HostTimer): void {
    this.#hostTimers.push(timer);
    if (this.#hostTimers.length < this.#hostSweepAt) return;
    this.#hostTimers = this.#hostTimers.filter(({ holds }) => holds());
    this.#hostSweepAt = 2 * this.#hostTimers.length + MANY;
  }

  reported(leak: Leak): void {
    this.#reported.push(leak);
  }

  leaks(): Leak[] {
    const tasks = this.#tasks.filter(({ task }) => !task.done);
    return [
      ...tasks.map(({ task, origin }) => leak("task", pathOf(task), origin, task)),
      ...Array.from(this.#timers, ({ loop, when, origin }) =>
        leak("timer", `of loop "${loop.name}", due in ${Math.ceil(when - loop.time())} ms`, origin),
      ),
      ...this.#hostTimers
        .filter(({ holds }) => holds())
        .map(({ origin }) => leak("timer", "setTimeout or setInterval, neither fired nor cleared", origin)),
      ...this.#reported,
    ];
  }
}

const current = new AsyncLocalStorage<Inventory>();
let guards = 0;
let stopWatching: () => void = () => {};

/** Calls `fn`; what it starts while loops are watched goes into `inventory`. */
export function takingStock<T>(inventory: Inventory, fn: () => T): T {
  return current.run(inventory, fn);
}

/** Begins to watch, if nobody does yet. The result ends that. */
export function watchLoops(): () => void {
  if (guards++ === 0) {
    const takeBack = replace(replacements());
    const stopTimers = watchTimers((timer) => eachInventory((inventory) => inventory.hostTimer(timer)));
    process.on("unhandledRejection", rejected);
    stopWatching = () => {
      takeBack();
      stopTimers();
      process.off("unhandledRejection", rejected);
    };
  }
  return () => {
    if (--guards === 0) stopWatching();
  };
}

function eachInventory(tell: (inventory: Inventory) => void): boolean {
  const innermost = current.getStore();
  for (let at = innermost; at !== undefined; at = at.around) tell(at);
  return innermost !== undefined;
}

function rejected(reason: unknown): void {
  const what = reason instanceof Error ? (reason.stack ?? String(reason)) : String(reason);
  const isOurs = eachInventory((inventory) =>
    inventory.reported({
      kind: "error",
      what: `a promise was rejected and nobody looked: ${what}`,
      where: undefined,
      value: reason,
    }),
  );
  // Nobody's, and without us it would have ended the process.
  if (!isOurs && process.listenerCount("unhandledRejection") === 1) throw reason;
}

function replacements(): Replacement[] {
  return [defaultLoop(), VirtualLoop.prototype].flatMap((target) => [
    {
      target,
      key: "start",
      make: (original) =>
        function start(this: Loop, task: Startable): void {
          if (task instanceof TaskNode) {
            const started = { task, origin: new Error("a task") };
            eachInventory((inventory) => inventory.started(started));
          }
          Reflect.apply(original, this, [task]);
        },
    },
    {
      target,
      key: "callAt",
      make: (original) =>
        function callAt(this: Loop, when: number, callback: () => void): Timer {
          const armed: Armed = { loop: this, when, origin: new Error("a timer") };
          if (!eachInventory((inventory) => inventory.armed(armed)))
            return Reflect.apply(original, this, [when, callback]);
          const first = current.getStore();
          const disarm = (): void => {
            for (let at = first; at !== undefined; at = at.around) at.disarmed(armed);
          };
          const ring = (): void => {
            disarm();
            callback();
          };
          const timer: Timer = Reflect.apply(original, this, [when, ring]);
          return {
            cancel: () => {
              disarm();
              timer.cancel();
            },
          };
        },
    },
    {
      target,
      key: "warn",
      make: (original) =>
        function warn(this: Loop, message: string, code: string): void {
          eachInventory((inventory) =>
            inventory.reported({ kind: "warning", what: `${code}: ${message}`, where: undefined, value: message }),
          );
          Reflect.apply(original, this, [message, code]);
        },
    },
  ]);
}

/** What is around the task, from the inside out. */
function pathOf(task: ScopeNode): string {
  const names: string[] = [];
  for (let at = task.parent; at !== null; at = at.parent) {
    const name = at instanceof TaskNode ? `task "${at.name}"` : at.name;
    // A group is two nodes.
    if (names.at(-1) !== name) names.push(name);
  }
  return [`"${task.name}"`, ...names].join(", in ");
}

function leak(kind: Leak["kind"], what: string, origin: Error | undefined, value?: unknown): Leak {
  return { kind, what, where: origin && userFrame(origin), value };
}
