/**
 * `runUntilComplete`, `runForever` and `stop`: a `run` of the kernel on the event loop's loop, one at a time, and never inside of another.
 *
 * `stop` cuts it short by cancelling it. Asked for while nothing runs, it ends the next run after one turn, as in asyncio.
 *
 * A signal may wake what runs at any time, which no handle of the host shows: a run that has signal handlers holds the process, and so does
 * one that goes on for ever, as asyncio's do.
 */
import type { Returned } from "../kernel/body.ts";
import { callBody } from "../kernel/body.ts";
import type { CancelScope } from "../kernel/cancel-scope.ts";
import { InvalidStateError } from "../kernel/errors.ts";
import type { Timer } from "../kernel/ports.ts";
import { quietly } from "../kernel/quiet.ts";
import { run } from "../kernel/run.ts";
import { currentNode, isInsideRun } from "../kernel/scope.ts";
import type { ScopeNode } from "../kernel/scope-node.ts";
import { cancelScope } from "../kernel/scopes.ts";
import { hasSignals } from "../kernel/signals.ts";
import { sleepForever } from "../kernel/sleep.ts";
import type { Home } from "./home.ts";

/** How long a timer can be that holds the process: three weeks, and again. */
const HOLD_MS = 2 ** 31 - 1;

export class Runner {
  readonly #home: Home;
  /** Told of the root of each tree of tasks that runs here. */
  readonly #began: (root: ScopeNode) => void;
  #state: "idle" | "running" | "stopping" = "idle";
  #isStopAsked = false;
  #scope: CancelScope | undefined;
  readonly #hasHandlers: () => boolean;
  #isForever = false;
  #hold: Timer | undefined;

  constructor(home: Home, began: (root: ScopeNode) => void, hasHandlers: () => boolean) {
    this.#home = home;
    this.#began = began;
    this.#hasHandlers = hasHandlers;
  }

  get isRunning(): boolean {
    return this.#state !== "idle";
  }

  stop(): void {
    if (this.#state === "idle") this.#isStopAsked = true;
    else this.#state = "stopping";
    this.#scope?.cancel("the event loop was stopped");
  }

  /** @throws InvalidStateError if it was stopped before. */
  untilComplete<T>(work: () => Returned<T>): Promise<T> {
    return this.#run("runUntilComplete", async () => {
      const ended = await this.#stoppable(work);
      if (ended === undefined)
        throw new InvalidStateError("runUntilComplete: the event loop was stopped before that was complete");
      return ended.value;
    });
  }

  forever(): Promise<void> {
    return this.#run("runForever", async () => {
      this.#isForever = true;
      this.lookWhetherToHold();
      try {
        await this.#stoppable(sleepForever);
      } finally {
        this.#isForever = false;
      }
    });
  }

  /** There is another number of signal handlers. */
  lookWhetherToHold(): void {
    const { loop } = this.#home;
    const mustHold = hasSignals(loop) && this.isRunning && (this.#isForever || this.#hasHandlers());
    if (mustHold) this.#hold ??= loop.callAt(loop.time() + HOLD_MS, this.#holdAgain);
    else {
      this.#hold?.cancel();
      this.#hold = undefined;
    }
  }

  readonly #holdAgain = (): void => {
    this.#hold = undefined;
    this.lookWhetherToHold();
  };

  #run<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.isRunning)
      return Promise.reject(new InvalidStateError(`${what}: this event loop runs already: await that first`));
    if (isInsideRun()) {
      return Promise.reject(
        new InvalidStateError(`${what} inside of a run, where an event loop runs already: await the work itself`),
      );
    }
    this.#state = "running";
    this.lookWhetherToHold();
    return quietly(async () => {
      try {
        return await run(
          () => {
            this.#began(currentNode().root);
            return work();
          },
          { loop: this.#home.loop, name: what },
        );
      } finally {
        this.#state = "idle";
        this.#isStopAsked = false;
        this.lookWhetherToHold();
      }
    });
  }

  /** The outcome of `work`; `undefined` if a stop cut it short. */
  async #stoppable<T>(work: () => Returned<T>): Promise<{ value: T } | undefined> {
    try {
      return await cancelScope(async (scope) => {
        this.#scope = scope;
        if (this.#state === "stopping") this.stop();
        else if (this.#isStopAsked) void this.#home.loop.breathe().then(() => this.#stopRun(scope));
        return { value: await callBody(work, undefined) };
      });
    } finally {
      this.#scope = undefined;
    }
  }

  /** That turn may come when the run has ended: a later one is not meant. */
  #stopRun(scope: CancelScope): void {
    if (this.#scope === scope) this.stop();
  }
}
