/**
 * Signals of the system as something to receive. After Trio's `open_signal_receiver`.
 *
 * A signal is pending or not, as with the system: coming again before it was received, it is one. So a receiver holds each of its signals once at
 * most, in the order in which they came.
 */
import { describe } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { Cancelled, ClosedError } from "../kernel/errors.ts";
import { printsAs } from "../kernel/printed.ts";
import type { SignalName } from "../kernel/processes.ts";
import { markHandledSoon } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import { checkSignalName, raiseAgain, takeSignal } from "./signal-desk.ts";

/** Signals that come to this process. Leaving a loop over it, in whatever way, closes it. */
export interface SignalReceiver extends AsyncIterable<SignalName, undefined>, Disposable {
  /**
   * Waits for the next signal. Always a checkpoint; cancelled, nothing is lost.
   *
   * @throws ClosedError if it is closed.
   */
  receive(): Promise<SignalName>;
  /**
   * Gives the signals back to whoever would have had them without it. One that came and was not received is raised again, so what would have happened
   * without the receiver happens now: as a rule, the end of the process. Idempotent, never waits.
   */
  close(): void;
}

/**
 * Takes these signals from now on: they no longer end the process, and `main`, if one of them is its own (SIGINT, SIGTERM), does not hear of it. Of two
 * receivers of one signal the later one gets it. Listeners that others have added to the process are told as ever.
 *
 * Declare it with `using`, unless a loop over it follows at once. A wait for a signal keeps a program alive inside of `main`; in a plain `run`,
 * where nothing else is left to do, it is reported as stuck.
 *
 * @throws TypeError if there is no such signal, or it cannot be taken (SIGKILL, SIGSTOP).
 *
 * @example
 * ```ts
 * for await (const _ of openSignals(["SIGHUP"])) await reloadConfiguration();
 * ```
 */
export function openSignals(signals: readonly SignalName[]): SignalReceiver {
  if (!Array.isArray(signals) || signals.length === 0) {
    throw new TypeError(`openSignals: expected an array of names of signals, got ${describe(signals)}`);
  }
  for (const signal of signals) checkSignalName(signal);
  return new Signals(new Set(signals));
}

class Signals implements SignalReceiver {
  readonly #pending = new Set<SignalName>();
  readonly #receivers = new WaitQueue<SignalWaiter>();
  readonly #releases: (() => void)[];
  #isClosed = false;

  constructor(signals: ReadonlySet<SignalName>) {
    this.#releases = Array.from(signals, (signal) => takeSignal(signal, (name) => this.#came(name)));
  }

  receive(): Promise<SignalName> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.receive());
    if (this.#isClosed) return Promise.reject(closed());
    for (const signal of this.#pending) {
      this.#pending.delete(signal);
      return Promise.resolve(signal);
    }
    const waiter = new SignalWaiter(scope);
    this.#receivers.push(waiter);
    return waiter.promise;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const release of this.#releases) release();
    for (let next = this.#receivers.shift(); next !== undefined; next = this.#receivers.shift()) next.fail(closed);
    for (const signal of this.#pending) raiseAgain(signal);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<SignalName, undefined> {
    const over = { done: true, value: undefined } as const;
    const next = async (self: () => Promise<unknown>): Promise<IteratorResult<SignalName, undefined>> => {
      if (this.#isClosed) return over;
      try {
        return { done: false, value: await this.receive() };
      } catch (error) {
        const wasClosed = this.#isClosed;
        this.close();
        if (wasClosed && error instanceof ClosedError) return over;
        if (error instanceof Cancelled) markHandledSoon(self);
        throw error;
      }
    };
    return {
      next: () => {
        const promise = next(() => promise);
        return promise;
      },
      return: async () => {
        this.close();
        return over;
      },
    };
  }

  #came(signal: SignalName): void {
    const receiver = this.#receivers.shift();
    if (receiver === undefined) this.#pending.add(signal);
    else receiver.wake(signal);
  }

  static {
    printsAs(Signals, (receiver) => ({ pending: [...receiver.#pending] }), "SignalReceiver");
  }
}

/** `main` keeps the process alive for it: what wakes it comes from outside. */
class SignalWaiter extends Waiter<SignalName> {
  readonly isPatient = true;
}

function closed(): ClosedError {
  return new ClosedError("receive on a closed receiver of signals");
}
