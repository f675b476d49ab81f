/**
 * What `setTimeout`, `setInterval` and `setImmediate` give in a virtual run: Node's `Timeout` and `Immediate`, on the loop's clock.
 *
 *   pending --due--> fired          a repeating one is pending again
 *   pending --close--> closed       `refresh` makes any of them pending
 *
 * One that is not referenced fires like any other: a virtual run ends when its tasks do, whatever is pending.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Loop, Timer } from "../../../kernel/ports.ts";
import type { AnyFunction } from "./patches.ts";

/** As Node does: what does not fit into 31 bits becomes 1. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
/** Far above the numbers that Node gives out. */
let lastId = 2 ** 40;
const byId = new Map<number, VirtualTimeout>();

export class VirtualTimeout {
  readonly #loop: Loop;
  readonly #delay: number;
  readonly #repeats: boolean;
  readonly #call: () => void;
  #timer: Timer | undefined;
  #hasRef = true;
  #id: number | undefined;

  constructor(loop: Loop, delay: unknown, repeats: boolean, callback: AnyFunction, args: readonly unknown[] = []) {
    this.#loop = loop;
    this.#delay = milliseconds(delay);
    this.#repeats = repeats;
    this.#call = inThisContext(() => Reflect.apply(callback, this, args));
    this.#arm();
  }

  /** The timer whose number `id` is. */
  static of(id: unknown): VirtualTimeout | undefined {
    return typeof id === "number" || typeof id === "string" ? byId.get(Number(id)) : undefined;
  }

  get isPending(): boolean {
    return this.#timer !== undefined;
  }

  close(): this {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#id !== undefined) byId.delete(this.#id);
    return this;
  }

  refresh(): this {
    this.#timer?.cancel();
    this.#arm();
    return this;
  }

  ref(): this {
    this.#hasRef = true;
    return this;
  }

  unref(): this {
    this.#hasRef = false;
    return this;
  }

  hasRef(): boolean {
    return this.#hasRef;
  }

  [Symbol.toPrimitive](): number {
    this.#id ??= ++lastId;
    byId.set(this.#id, this);
    return this.#id;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #arm(): void {
    this.#timer = callOutside(this.#loop, this.#delay, this.#ring);
  }

  readonly #ring = (): void => {
    this.#timer = undefined;
    if (this.#repeats) this.#arm();
    else if (this.#id !== undefined) byId.delete(this.#id);
    this.#call();
  };
}

export class VirtualImmediate {
  #call: (() => void) | undefined;
  #hasRef = true;

  constructor(loop: Loop, callback: AnyFunction, args: readonly unknown[] = []) {
    this.#call = inThisContext(() => Reflect.apply(callback, this, args));
    loop.afterTurn(() => {
      const call = this.#call;
      this.#call = undefined;
      call?.();
    });
  }

  close(): void {
    this.#call = undefined;
  }

  ref(): this {
    this.#hasRef = true;
    return this;
  }

  unref(): this {
    this.#hasRef = false;
    return this;
  }

  hasRef(): boolean {
    return this.#hasRef;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const outside = AsyncLocalStorage.snapshot();

/**
 * Sets a timer of the loop that nobody's context is charged with: whoever looks for timers left behind is told of `setTimeout` and kin by
 * themselves, and a signal of `AbortSignal.timeout` may be left to itself.
 */
export function callOutside(loop: Loop, ms: number, callback: () => void): Timer {
  return outside(() => loop.callAt(loop.time() + ms, callback));
}

function milliseconds(delay: unknown): number {
  const ms = Math.trunc(Number(delay));
  return ms >= 1 && ms <= LONGEST_DELAY_MS ? ms : 1;
}

/** Calls back in the asynchronous context of this call. What is thrown is an uncaught exception, and the loop goes on. */
function inThisContext(call: () => unknown): () => void {
  const within = AsyncLocalStorage.snapshot();
  return () =>
    within(() => {
      try {
        call();
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    });
}
