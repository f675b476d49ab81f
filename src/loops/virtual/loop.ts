/**
 * A loop whose time jumps: when every task is blocked, the clock goes to the next timer at once. With a seed, the order in
 * which siblings start is drawn from it, and a run can be repeated exactly.
 *
 * "Every task is blocked" is seen from the host: it gives us a turn (`setImmediate`) only after all microtasks have run dry.
 * Then, in this order: those who asked for a turn get it; else the clock jumps; else, with nothing left that could
 * happen, the run is stuck and is told so. A wait for the real world (a socket, a file) is not seen and
 * counts as stuck: a virtual run lives in memory.
 */

import { inMicrotask } from "../../kernel/microtask.ts";
import type { Network } from "../../kernel/network.ts";
import type { Loop, Startable, Timer } from "../../kernel/ports.ts";
import { TimerQueue } from "../../kernel/timer-queue.ts";
import { MemoryNetwork } from "./network.ts";
import { seededRandom } from "./random.ts";

/** Checkpoints between two turns. A count, for a clock would differ between runs. */
const BUDGET = 1_000;

export interface VirtualLoopOptions {
  /** Draws the start order of siblings, and `random()`. Without it, siblings start in order. */
  readonly seed?: number;
}

/** The event loop of `virtualRun`, for runs that share one: its clock goes on from run to run. Milliseconds, from 0. */
export class VirtualLoop implements Loop {
  readonly name = "virtual";
  readonly network: Network;
  readonly random: () => number;
  budget: number = BUDGET;

  readonly #isShuffled: boolean;
  #now = 0;
  readonly #timers = new TimerQueue();
  #turns: (() => void)[] = [];
  #idle: (() => void)[] = [];
  #starting: (() => void)[] = [];
  readonly #stuck = new Set<(what: string) => void>();
  #isPumping = false;

  constructor(options: VirtualLoopOptions = {}) {
    this.#isShuffled = options.seed !== undefined;
    this.random = seededRandom(options.seed ?? 0);
    this.network = new MemoryNetwork((callback) => {
      this.#turns.push(callback);
    });
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
    const gate = new Promise<void>((resolve) => {
      if (this.#starting.push(resolve) === 1) inMicrotask(this.#startInDrawnOrder);
    });
    void gate.then(() => task.start());
  }

  afterTurn(callback: () => void): void {
    this.#turns.push(callback);
  }

  warn(message: string, code: string): void {
    process.emitWarning(message, { type: "CoppiceWarning", code });
  }

  attach(stuck: (what: string) => void): void {
    this.#stuck.add(stuck);
    this.#pump();
  }

  detach(stuck: (what: string) => void): void {
    this.#stuck.delete(stuck);
  }

  readonly #startInDrawnOrder = (): void => {
    const waiting = this.#starting;
    this.#starting = [];
    while (waiting.length > 0) {
      const [start] = waiting.splice(Math.floor(this.random() * waiting.length), 1);
      start?.();
    }
  };

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
      for (const turn of turns) turn();
      return;
    }
    const idle = this.#idle.shift();
    if (idle !== undefined) {
      idle();
      return;
    }
    const next = this.#timers.nextAt;
    if (next === Infinity) {
      for (const stuck of this.#stuck) {
        stuck(
          "every task is blocked, no timer is pending, and a virtual run has nothing else that could wake one: " +
            "look for a wait on something that nobody sets, sends or closes",
        );
      }
      return;
    }
    this.#now = Math.max(this.#now, next);
    for (let due = this.#timers.takeDue(this.#now); due !== undefined; due = this.#timers.takeDue(this.#now)) due();
  }
}
