/**
 * Listening to what emits events, in either of the two shapes that JavaScript has. They are told apart by their methods, as
 * Node.js does: an object with both (a `MessagePort` of Node.js) is an emitter.
 *
 *   shape          methods                                     what an event gives              "error"
 *   emitter        on, off                                     the array of its arguments       is a failure
 *   event target   addEventListener, removeEventListener       the event                        is an event like any other
 */

/** A Node.js `EventEmitter`, and whatever looks like one. */
export interface EmitterLike {
  on(name: string | symbol, listener: (...args: unknown[]) => void): unknown;
  off(name: string | symbol, listener: (...args: unknown[]) => void): unknown;
}

/** A standard `EventTarget`, and whatever looks like one. */
export interface TargetLike {
  addEventListener(name: string, listener: (event: unknown) => void): unknown;
  removeEventListener(name: string, listener: (event: unknown) => void): unknown;
}

/** Some listeners on one source, removed together. Once removed, none is called and none can be added. */
export class Listeners {
  readonly #source: EmitterLike | TargetLike;
  readonly #removals: (() => void)[] = [];
  #isRemoved = false;

  /** @throws TypeError if `source` has neither shape. */
  constructor(what: string, source: EmitterLike | TargetLike) {
    if (!isEmitter(source) && !isTarget(source)) {
      throw new TypeError(
        `${what}: expected an EventEmitter (on, off) or an EventTarget (addEventListener, removeEventListener)`,
      );
    }
    this.#source = source;
  }

  /** Calls `listener` with what each event named `name` gives. */
  add(name: string | symbol, listener: (value: unknown) => void): void {
    if (this.#isRemoved) return;
    const call = (value: unknown): void => {
      if (!this.#isRemoved) listener(value);
    };
    const source = this.#source;
    if (isEmitter(source)) {
      const collect = (...args: unknown[]): void => call(args);
      source.on(name, collect);
      this.#removals.push(() => source.off(name, collect));
    } else {
      source.addEventListener(name as string, call);
      this.#removals.push(() => source.removeEventListener(name as string, call));
    }
    // It may have been called at once, and have had enough.
    if (this.#isRemoved) this.#removeAll();
  }

  /** Calls `listener` with the error of an emitter that fails. */
  addFailure(listener: (error: unknown) => void): void {
    if (isEmitter(this.#source)) this.add("error", (args) => listener((args as unknown[])[0]));
  }

  /** Idempotent. */
  remove(): void {
    this.#isRemoved = true;
    this.#removeAll();
  }

  #removeAll(): void {
    for (const removal of this.#removals.splice(0)) removal();
  }
}

function isEmitter(source: unknown): source is EmitterLike {
  return hasMethods(source, "on", "off");
}

function isTarget(source: unknown): source is TargetLike {
  return hasMethods(source, "addEventListener", "removeEventListener");
}

function hasMethods(source: unknown, ...names: string[]): boolean {
  if (source === null || (typeof source !== "object" && typeof source !== "function")) return false;
  return names.every((name) => typeof (source as Record<string, unknown>)[name] === "function");
}
