/**
 * The loop of a normal program: Node's own event loop (libuv), seen through the kernel's port.
 *
 * - All timers share one `setTimeout`, armed for the earliest; while none is live it does not hold the process open.
 * - Open handles and live timers hold the process. When none is left, while runs are still under way, they are told that they are stuck.
 * - Fairness is by time: `budget` is refilled in strides that adapt to how long checkpoints lie apart, so the clock is read
 *   seldom when they are cheap, and at each one when they are dear. When a slice is used up
 *   and the event loop has had no turn since, the next checkpoint waits for one.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { constants } from "node:os";
import { describe } from "../../kernel/check-function.ts";
import { inMicrotask } from "../../kernel/microtask.ts";
import type { Network } from "../../kernel/network.ts";
import type { Loop, Startable, Timer } from "../../kernel/ports.ts";
import type { Processes, SignalName } from "../../kernel/processes.ts";
import type { SignalSource } from "../../kernel/signals.ts";
import { TimerQueue } from "../../kernel/timer-queue.ts";

/** How long tasks may keep the event loop to themselves, in milliseconds. */
const SLICE_MS = 5;
const LONGEST_STRIDE = 256;
/** Node's timers hold 31 bits; further ones are reached in steps. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** Makes a network that tells of each callback which comes from the event loop. */
type NetworkMaker = (turnBegan: () => void) => Network;

let makeNetwork: NetworkMaker | undefined;

/** Gives every `NodeLoop` its sockets. Apart, so that a program without networking does not carry them. */
export function installSockets(make: NetworkMaker): void {
  makeNetwork = make;
}

/** Makes what starts subprocesses and tells of each callback which comes from the event loop. */
type ProcessesMaker = (turnBegan: () => void) => Processes;

let makeProcesses: ProcessesMaker | undefined;

/** Gives every `NodeLoop` its subprocesses; apart, as the sockets are. */
export function installProcesses(make: ProcessesMaker): void {
  makeProcesses = make;
}

const STUCK =
  "every task is blocked, and nothing is left that could wake one: no timer, no open handle. " +
  "Look for a wait on something that nobody sets, sends or closes; to wait for a signal, use main()";

export class NodeLoop implements Loop, SignalSource {
  readonly name: string = "node";
  budget = 1;

  #network: Network | undefined;
  readonly #timers = new TimerQueue(() => this.#alarm?.unref());
  #alarm: NodeJS.Timeout | undefined;
  #alarmAt = Infinity;
  #stride = 1;
  #lastRefill = 0;
  #sliceEnd = 0;
  #isFreshTurn = true;
  #breath: Promise<void> | undefined;
  #afterTurn: (() => void)[] = [];
  /** Those to be told when nothing can happen any more. */
  readonly #runs = new Set<(what: string) => void>();
  #wasEmptied = false;
  /** Host timers are armed here, lest they keep, and later run in, the context of the task that happened to arm them. */
  readonly #outsideOfTasks = AsyncLocalStorage.snapshot();

  get network(): Network {
    if (makeNetwork === undefined)
      throw new Error("this loop has no sockets: import from coppice/net, which installs them");
    this.#network ??= makeNetwork(() => this.turnBegan());
    return this.#network;
  }

  get processes(): Processes {
    if (makeProcesses === undefined)
      throw new Error("this loop has no subprocesses: import from coppice/process, which installs them");
    return makeProcesses(() => this.turnBegan());
  }

  time(): number {
    return performance.now();
  }

  random(): number {
    return Math.random();
  }

  refill(): boolean {
    const now = performance.now();
    const sinceLast = now - this.#lastRefill;
    this.#lastRefill = now;
    this.#stride =
      sinceLast < SLICE_MS / 8 ? Math.min(2 * this.#stride, LONGEST_STRIDE) : Math.max(this.#stride >> 2, 1);
    this.budget = this.#stride;
    if (this.#isFreshTurn) {
      this.#isFreshTurn = false;
      this.#sliceEnd = now + SLICE_MS;
    }
    return now >= this.#sliceEnd;
  }

  breathe(): Promise<void> {
    this.#breath ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#breath = undefined;
        this.turnBegan();
        resolve();
      });
    });
    return this.#breath;
  }

  callAt(when: number, callback: () => void): Timer {
    const timer = this.#timers.add(when, callback);
    if (when < this.#alarmAt) this.#arm(when);
    else if (this.#timers.size === 1) this.#alarm?.ref();
    return timer;
  }

  start(task: Startable): void {
    inMicrotask(() => task.start());
  }

  afterTurn(callback: () => void): void {
    if (this.#afterTurn.push(callback) === 1) setImmediate(this.#runAfterTurn);
  }

  warn(message: string, code: string): void {
    process.emitWarning(message, { type: "CoppiceWarning", code });
  }

  onSignal(signal: SignalName, callback: () => void): () => void {
    // Of a name that it does not know, Node would take it that an event of the program's own is meant.
    if (!Object.hasOwn(constants.signals, signal))
      throw new TypeError(`expected the name of a signal of this system, such as "SIGHUP", got ${describe(signal)}`);
    process.on(signal, callback);
    return () => process.removeListener(signal, callback);
  }

  attach(stuck: (what: string) => void): void {
    if (this.#runs.size === 0) process.on("beforeExit", this.#emptied);
    this.#runs.add(stuck);
  }

  detach(stuck: (what: string) => void): void {
    this.#runs.delete(stuck);
    if (this.#runs.size === 0) process.removeListener("beforeExit", this.#emptied);
  }

  /**
   * The host has nothing left to do, and would end the process under the runs that still wait. Asked twice: others who hear of
   * it (`beforeExit`) may have found something to do.
   */
  readonly #emptied = (): void => {
    if (this.#timers.size > 0) return;
    if (this.#wasEmptied) {
      for (const stuck of this.#runs) stuck(STUCK);
    }
    this.#wasEmptied = !this.#wasEmptied;
    setImmediate(() => {});
  };

  readonly #runAfterTurn = (): void => {
    const callbacks = this.#afterTurn;
    this.#afterTurn = [];
    for (const callback of callbacks) callback();
  };

  /** A callback came from the event loop: the tasks have a new slice. */
  protected turnBegan(): void {
    this.#isFreshTurn = true;
  }

  #arm(when: number): void {
    clearTimeout(this.#alarm);
    this.#alarmAt = when;
    const delay = Math.min(Math.max(Math.ceil(when - performance.now()), 1), LONGEST_TIMEOUT_MS);
    this.#alarm = this.#outsideOfTasks(() => setTimeout(this.#ring, delay));
  }

  readonly #ring = (): void => {
    this.turnBegan();
    this.#alarmAt = Infinity;
    const now = performance.now();
    for (let due = this.#timers.takeDue(now); due !== undefined; due = this.#timers.takeDue(now)) due();
    const next = this.#timers.nextAt;
    if (next < this.#alarmAt) this.#arm(next);
  };
}
