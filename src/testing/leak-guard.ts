/**
 * A guard that fails a test which leaves something behind: live tasks, scopes and waits that nobody awaited, pending timers,
 * sockets, child processes and open files, listeners, errors that nobody looked at.
 *
 * What a program lets go of may take the system a while, so the guard is patient before it complains; what is virtual or belongs to the kernel
 * ends in a moment or not at all. Handles, files and listeners cannot be charged to anybody, so a guard around one of several tests that run
 * at the same time in one process sees those of the others; everything else is told apart.
 */
import { type Returned, settled } from "../kernel/body.ts";
import { suppress } from "../kernel/errors.ts";
import { defaultLoop } from "../kernel/ports.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { checkDuration } from "../kernel/scopes.ts";
import { VirtualLoop } from "../loops/virtual/loop.ts";
import { type Leak, LeakError } from "./leaks/leak.ts";
import { type Listenable, Listeners } from "./leaks/listeners.ts";
import { OpenResources } from "./leaks/resources.ts";
import { OpenBelow } from "./leaks/scopes.ts";
import { Inventory, takingStock, watchLoops } from "./leaks/started.ts";

/** How long the system may take to let go of what was closed, in real milliseconds. */
const PATIENCE_MS = 500;

/** Where a leak guard looks, what it lets pass, and how long it waits. */
export interface LeakGuardOptions {
  /** Signals, targets and emitters that must have no more listeners afterwards. Those of `process` are looked at always. */
  readonly listeners?: readonly Listenable[];
  /** Says of a leak that it is none. */
  readonly allow?: (leak: Leak) => boolean;
  /** How long to wait, in real milliseconds, for what is being closed; 500 by default. */
  readonly patienceMs?: number;
  /** What left it behind, in the message: by default, the name of the function. */
  readonly name?: string;
}

/**
 * Calls `fn`, and fails if something that it started is left when it has settled: tasks, scopes, waits, timers, handles and files of the
 * system, listeners, unhandled rejections, warnings of the loop such as of an error that nobody looked at. Works in real and virtual runs,
 * around them, and without any. If `fn` fails, its error passes, and what was not looked for is not told.
 *
 * @throws LeakError with everything that was left.
 */
export function withLeakGuard<T>(fn: () => Returned<T>, options: LeakGuardOptions = {}): Promise<T> {
  const patienceMs = options.patienceMs ?? PATIENCE_MS;
  const invalid = checkDuration("patienceMs", patienceMs);
  if (invalid !== undefined) return Promise.reject(invalid);
  return quietly(async () => {
    const guard = new Guard(options.allow ?? (() => false), options.listeners ?? []);
    try {
      const value = await guard.call(fn);
      const leaks = await guard.leaksAfter(patienceMs);
      if (leaks.length > 0) throw new LeakError(options.name ?? (fn.name || "the function"), leaks);
      return value;
    } catch (error) {
      if (!(error instanceof LeakError)) await guard.addUnhandled(error);
      throw error;
    } finally {
      guard.end();
    }
  });
}

class Guard {
  readonly #allow: (leak: Leak) => boolean;
  readonly #inventory = new Inventory();
  readonly #end = watchLoops();
  readonly #below = new OpenBelow(currentNode());
  readonly #resources = new OpenResources();
  readonly #listeners: readonly Listeners[];
  readonly #loop = currentNode().loop;

  constructor(allow: (leak: Leak) => boolean, listeners: readonly Listenable[]) {
    this.#allow = allow;
    // After `watchLoops`, which listens too.
    this.#listeners = [process, ...listeners].map((target) => new Listeners(target));
  }

  call<T>(fn: () => Returned<T>): T | Promise<T> {
    return takingStock(this.#inventory, () => settled(fn()));
  }

  async leaksAfter(patienceMs: number): Promise<Leak[]> {
    // Unhandled rejections are told when the microtasks of a turn have run dry.
    await this.#loop.breathe();
    await this.#loop.breathe();
    let leaks = this.#leaks();
    // What is left in a virtual run when nothing goes on any more is left for good.
    if (leaks.length > 0 && this.#loop instanceof VirtualLoop) {
      await this.#loop.allBlocked();
      leaks = this.#leaks();
    }
    const end = defaultLoop().time() + patienceMs;
    while (leaks.length > 0 && !leaks.every((leak) => this.#isFinal(leak)) && defaultLoop().time() < end) {
      await this.#loop.breathe();
      leaks = this.#leaks();
    }
    return leaks;
  }

  /** Says with a failure what was rejected meanwhile: it may be what caused it. */
  async addUnhandled(error: unknown): Promise<void> {
    await this.#loop.breathe();
    await this.#loop.breathe();
    for (const { kind, value } of this.#inventory.leaks()) if (kind === "error") suppress(error, value);
  }

  end(): void {
    this.#end();
  }

  #leaks(): Leak[] {
    const leaks = [
      ...this.#inventory.leaks(),
      ...this.#below.leaks(),
      ...this.#resources.leaks(),
      ...this.#listeners.flatMap((listeners) => listeners.leaks()),
    ];
    return leaks.filter((leak) => !this.#allow(leak));
  }

  /** Whether waiting longer is of no use. */
  #isFinal({ kind }: Leak): boolean {
    if (kind === "error" || kind === "warning") return true;
    return this.#loop instanceof VirtualLoop && kind !== "resource";
  }
}
