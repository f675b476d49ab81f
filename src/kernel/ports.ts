/**
 * The loop port: all that the kernel asks of the world. `loops/` implements it for real (node) and
 * simulated (virtual) time; nothing else in the library touches timers, dates, randomness, sockets or subprocesses.
 */
import { describe } from "./check-function.ts";
import type { Network } from "./network.ts";
import type { Processes } from "./processes.ts";

export interface Timer {
  /** Idempotent; does nothing once the timer fired. */
  cancel(): void;
}

export interface Startable {
  start(): void;
}

/** An event loop, as the kernel sees it: time, timers, turns, randomness, the network and subprocesses. `currentLoop()` gives the one in force. */
export interface Loop {
  readonly name: string;
  /** Its time jumps when nothing is left to do here. Who waits for a turn of the host itself keeps such a loop awake, by `afterTurn`. */
  readonly jumps?: true;
  readonly network: Network;
  readonly processes: Processes;
  /**
   * How many checkpoints may pass before `refill` is asked. The kernel counts it down at each one,
   * inline, because a clock reading costs more than the checkpoint.
   */
  budget: number;
  /** Renews `budget`, and says whether the event loop must get a turn first. */
  refill(): boolean;
  /** Settles after the event loop (input and output, not only microtasks) had a turn. */
  breathe(): Promise<void>;
  /** Monotonic milliseconds with fractions; the zero is the loop's own affair. */
  time(): number;
  /** Calls `callback` once `time()` has reached `when`; never synchronously; any distance works. */
  callAt(when: number, callback: () => void): Timer;
  /** Starts `task` later, in the asynchronous context of this call. The order of siblings is the loop's choice. */
  start(task: Startable): void;
  /**
   * Calls `go`, which lets somebody go on whose wait is over: at once, or later, in the asynchronous context of this call, in an
   * order of the loop's choice. Only a loop that draws an order has it; see `resumption.ts`.
   */
  resume?(go: () => void): void;
  /**
   * Calls `callback` at the end of this turn of the event loop, when all that was ready has been read and worked on.
   * The place to write what a turn has gathered.
   */
  afterTurn(callback: () => void): void;
  /** Uniform in [0, 1). */
  random(): number;
  /** Tells the operator something that no caller can be told. */
  warn(message: string, code: string): void;
  /** A `run` begins on this loop; `stuck` is told if the loop finds that nothing will ever happen again. */
  attach(stuck: (what: string) => void): void;
  /** The `run` that attached `stuck` has ended. */
  detach(stuck: (what: string) => void): void;
}

/** What is wrong with `loop`, or `undefined`. An `EventLoop` is the likely slip. */
export function objectionToLoop(where: string, loop: unknown): TypeError | undefined {
  if (typeof (loop as Partial<Loop> | null)?.afterTurn === "function") return undefined;
  return new TypeError(`${where}: expected a Loop (of an EventLoop, pass eventLoop.loop), got ${describe(loop)}`);
}

let fallback: Loop | undefined;

/** The loop of code that runs outside of `run`, and the default of `run`. Installed once by the public entries. */
export function defaultLoop(): Loop {
  if (fallback === undefined) throw new Error("no event loop is installed: import from a public entry of coppice");
  return fallback;
}

export function installDefaultLoop(loop: Loop): void {
  fallback ??= loop;
}
