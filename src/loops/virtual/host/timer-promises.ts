/** What `node:timers/promises` gives in a virtual run. As there, a wait is cut short by its `signal` alone, not by a cancellation. */
import type { Loop } from "../../../kernel/ports.ts";
import { VirtualImmediate, VirtualTimeout } from "./timeouts.ts";

export interface TimerOptions {
  readonly signal?: AbortSignal;
  readonly ref?: boolean;
}

/** One timer, and what cuts it short. */
interface Cancellable {
  close(): unknown;
}

export function virtualDelay<T>(loop: Loop, ms: unknown, value: T, options?: TimerOptions): Promise<T> {
  return settling(value, options?.signal, (done) => new VirtualTimeout(loop, ms, false, done));
}

export function virtualTurn<T>(loop: Loop, value: T, options?: TimerOptions): Promise<T> {
  return settling(value, options?.signal, (done) => new VirtualImmediate(loop, done));
}

function settling<T>(value: T, signal: AbortSignal | undefined, open: (done: () => void) => Cancellable): Promise<T> {
  if (signal?.aborted) return Promise.reject(abortError(signal));
  return new Promise((resolve, reject) => {
    const timer = open(() => {
      signal?.removeEventListener("abort", abort);
      resolve(value);
    });
    const abort = (): void => {
      timer.close();
      reject(abortError(signal));
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}

export async function* virtualInterval<T>(
  loop: Loop,
  ms: unknown,
  value: T,
  options?: TimerOptions,
): AsyncGenerator<T> {
  const signal = options?.signal;
  let ticks = 0;
  let wake = (): void => {};
  const timer = new VirtualTimeout(loop, ms, true, () => {
    ticks++;
    wake();
  });
  const abort = (): void => wake();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    for (;;) {
      if (signal?.aborted) throw abortError(signal);
      if (ticks === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      for (; ticks > 0; ticks--) yield value;
    }
  } finally {
    timer.close();
    signal?.removeEventListener("abort", abort);
  }
}

/** As Node's. */
function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error("The operation was aborted", { cause: signal?.reason });
  return Object.assign(error, { name: "AbortError", code: "ABORT_ERR" });
}
