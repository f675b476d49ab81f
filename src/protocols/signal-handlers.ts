/** The signal handlers of an event loop: one for each signal, taken back when the loop is closed. */
import { InvalidStateError } from "../kernel/errors.ts";
import { instruments } from "../kernel/instrument.ts";
import type { SignalName } from "../kernel/processes.ts";
import { hasSignals } from "../kernel/signals.ts";
import type { Callback } from "./handle.ts";
import type { Home } from "./home.ts";

export class SignalHandlers {
  readonly #home: Home;
  readonly #release = new Map<SignalName, () => void>();

  /** Told when their number has changed. */
  readonly #changed: () => void;

  constructor(home: Home, changed: () => void) {
    this.#home = home;
    this.#changed = changed;
  }

  get size(): number {
    return this.#release.size;
  }

  add<A extends unknown[]>(signal: SignalName, callback: Callback<A>, args: A): void {
    const { loop, exceptions } = this.#home;
    if (!hasSignals(loop)) {
      throw new InvalidStateError(
        `addSignalHandler: loop "${loop.name}" hears no signals, which the real world sends: use it on a real loop`,
      );
    }
    const inContext = this.#home.context();
    const call = (): void => {
      const { debug } = instruments;
      debug?.enter(loop, () => `handler of ${signal}`, call);
      try {
        callback(...args);
      } catch (error) {
        exceptions.report({ message: `the handler of ${signal} threw`, error, source: call });
      } finally {
        debug?.leave();
      }
    };
    const release = loop.onSignal(signal, () => inContext(call));
    instruments.debug?.made(call);
    this.#release.get(signal)?.();
    this.#release.set(signal, release);
    this.#changed();
  }

  remove(signal: SignalName): boolean {
    this.#release.get(signal)?.();
    const wasThere = this.#release.delete(signal);
    this.#changed();
    return wasThere;
  }

  removeAll(): void {
    for (const signal of [...this.#release.keys()]) this.remove(signal);
  }
}
