/**
 * A loop whose time jumps: when every task is blocked, the clock goes to the next timer at once. With a seed, whatever may happen
 * in the same moment happens in an order drawn from it, and a run can be repeated exactly: siblings that start, tasks that were
 * woken or cancelled, timers that fall due, those who asked for a turn, data that arrives. Who is handed a value, a lock or a permit
 * is not drawn: that is first come, first served, and only when the winner goes on is open (`kernel/resumption.ts`).
 *
 * "Every task is blocked" is seen from the host: it gives us a turn (`setImmediate`) only after all microtasks have run dry.
 * Then, in this order: those who asked for a turn get it; else the clock jumps; else, with nothing left that could
 * happen, the run is stuck and is told so. A wait for the real world (a socket, a file) is not seen and
 * counts as stuck: a virtual run lives in memory.
 */

import { describe } from "../../kernel/check-function.ts";
import { inMicrotask } from "../../kernel/microtask.ts";
import type { Loop, Startable, Timer } from "../../kernel/ports.ts";
import type { Processes } from "../../kernel/processes.ts";
import { drawOrder } from "../../kernel/resumption.ts";
import { TimerQueue } from "../../kernel/timer-queue.ts";
import { type Activity, hostActivity, newActivity } from "./host/activity.ts";
import { MemoryNetwork } from "./network.ts";
import { seededRandom } from "./random.ts";

/** Checkpoints between two turns. A count, for a clock would differ between runs. */
const BUDGET = 1_000;

/** What a virtual loop draws its order from. */
export interface VirtualLoopOptions {
  /** Draws the order of what happens in the same moment, and `random()`. Without it everything goes in the order of arrival. */
  readonly seed?: number;
}

/** The event loop of `virtualRun`, for runs that share one: its clock goes on from run to run. Milliseconds, from 0. */
export class VirtualLoop implements Loop {
  readonly name = "virtual";
  readonly jumps = true;
  /** In memory; a test can say here which names, addresses and files there are, and what goes wrong. */
  readonly network: MemoryNetwork;
  readonly random: () => number;
  budget: number = BUDGET;

  readonly #isShuffled: boolean;
  #now = 0;
  readonly #timers: TimerQueue;
  #turns: (() => void)[] = [];
  #idle: (() => void)[] = [];
  /** Who may go on, or start, now; the order is drawn. */
  #ready: (() => void)[] = [];
  readonly #stuck = new Set<(what: string) => void>();
  #isPumping = false;
  #hostBefore: Activity = new Map();

  /** @throws TypeError if the seed is no number. */
  constructor(options: VirtualLoopOptions = {}) {
    const { seed } = options;
    if (seed !== undefined && !Number.isFinite(seed))
      throw new TypeError(`VirtualLoop: seed: expected a number, or none at all, got ${describe(seed)}`);
    this.#isShuffled = seed !== undefined;
    if (this.#isShuffled) drawOrder();
    this.random = seededRandom(seed ?? 0);
    this.#timers = new TimerQueue(undefined, this.#isShuffled ? this.random : undefined);
    this.network = new MemoryNetwork({
      later: (callback) => {
        this.#turns.push(callback);
      },
      after: (ms, callback) => this.callAt(this.time() + ms, callback),
      random: this.random,
    });
  }

  get processes(): Processes {
    throw new Error(
      "a virtual run has no subprocesses, which live in real time: start them in a run on Node's loop, or pass in what stands for them",
    );
  }

  time(): number {
    return this.#now;
  }

  refill(): boolean {
    this.budget = BUDGET;
    return true;
  }

  breathe(): Promise<void> {
    return new Promise((resolve) => {
      this.#turns.push(resolve);
    });
  }

  /** Settles the next time that every task is blocked, before the clock jumps. */
  allBlocked(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  callAt(when: number, callback: () => void): Timer {
    return this.#timers.add(when, callback);
  }

  start(task: Startable): void {
    if (!this.#isShuffled) {
      inMicrotask(() => task.start());
      return;
    }
    this.resume(() => task.start());
  }

  resume(go: () => void): void {
    if (!this.#isShuffled) {
      go();
      return;
    }
    const gate = new Promise<void>((resolve) => {
      if (this.#ready.push(resolve) === 1) inMicrotask(this.#letGo);
    });
    void gate.then(go);
  }

  afterTurn(callback: () => void): void {
    this.#turns.push(callback);
  }

  warn(message: string, code: string): void {
    process.emitWarning(message, { type: "CoppiceWarning", code });
  }

  attach(stuck: (what: string) => void): void {
    if (this.#stuck.size === 0) this.#hostBefore = hostActivity();
    this.#stuck.add(stuck);
    this.#pump();
  }

  detach(stuck: (what: string) => void): void {
    this.#stuck.delete(stuck);
  }

  readonly #letGo = (): void => {
    const ready = this.#ready;
    this.#ready = [];
    for (const go of this.#inOrder(ready)) go();
  };

  /** In the order of arrival; with a seed, in one drawn from it. */
  #inOrder<T>(items: T[]): T[] {
    if (!this.#isShuffled) return items;
    for (let left = items.length; left > 1; left--) {
      const drawn = Math.floor(this.random() * left);
      const last = items[left - 1] as T;
      items[left - 1] = items[drawn] as T;
      items[drawn] = last;
    }
    return items;
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const turn = (): void => {
      if (this.#stuck.size === 0) {
        this.#isPumping = false;
        return;
      }
      this.#advance();
      setImmediate(turn);
    };
    setImmediate(turn);
  }

  /** One step, now that nothing runs. */
  #advance(): void {
    if (this.#turns.length > 0) {
      const turns = this.#turns;
      this.#turns = [];
      for (const turn of this.#inOrder(turns)) turn();
      return;
    }
    const idle = this.#idle.shift();
    if (idle !== undefined) {
      idle();
      return;
    }
    const next = this.#timers.nextAt;
    if (next === Infinity) {
      const what = this.#whatIsWrong();
      for (const stuck of this.#stuck) stuck(what);
      return;
    }
    this.#now = Math.max(this.#now, next);
    for (let due = this.#timers.takeDue(this.#now); due !== undefined; due = this.#timers.takeDue(this.#now)) due();
  }

  #whatIsWrong(): string {
    const blocked =
      "every task is blocked, no timer is pending, and a virtual run has nothing else that could wake one: ";
    const unseen = newActivity(this.#hostBefore);
    if (unseen === undefined) return `${blocked}look for a wait on something that nobody sets, sends or closes`;
    return `${blocked}but the host is busy with ${unseen}, which virtual time cannot see; whoever waits for that belongs into a real run`;
  }
}
