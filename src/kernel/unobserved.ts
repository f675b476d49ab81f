/**
 * Errors that nobody has looked at. One is reported to the operator when whoever held it is collected as garbage, or when the
 * run that it happened in has ended: by then nobody in it can look any more. Only failures that nobody waited for come here.
 */
import { instruments } from "./instrument.ts";
import type { Loop } from "./ports.ts";
import type { Reportable, ScopeNode } from "./scope-node.ts";

const collected = new FinalizationRegistry<Unobserved>((unobserved) => unobserved.report());

export class Unobserved implements Reportable {
  readonly #name: string;
  readonly #error: unknown;
  readonly #loop: Loop;
  readonly #pending: Set<Reportable> | undefined;
  /** In debug mode: where the holder was made. */
  readonly #place: string | undefined;

  /** `holder` has `error` since now; `scope` is where that happened. */
  constructor(holder: object, name: string, error: unknown, scope: ScopeNode) {
    this.#name = name;
    this.#error = error;
    this.#loop = scope.loop;
    this.#pending = scope.root.unobserved;
    this.#pending?.add(this);
    this.#place = instruments.debug?.madeAt(holder);
    collected.register(holder, this, this);
  }

  /** Somebody looked. */
  seen(): void {
    this.#pending?.delete(this);
    collected.unregister(this);
  }

  report(): void {
    this.seen();
    this.#loop.warn(
      `the error of ${this.#name} was never looked at: await it, or ask for error()\n${printedError(this.#error)}${this.#place ?? ""}`,
      "COPPICE_UNOBSERVED_ERROR",
    );
  }
}

/** Anything may have been thrown, and what cannot be printed must not become a failure of who reports it. */
export function printedError(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? String(error)) : String(error);
  } catch {
    return Object.prototype.toString.call(error);
  }
}
